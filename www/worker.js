// A worker of the page: the same wasm module with a second entry point (`main` sees that it has no window).
//
// The page names its files in the address, because their names carry hashes: worker.js?js=/app-….js&wasm=/app-…_bg.wasm
const asked = new URL(location.href).searchParams;
const ours = (path) => {
  const url = new URL(path, location.origin);
  if (url.origin !== location.origin) throw new Error(`${url.origin} is not this page's origin`);
  return url.href;
};
// A message that comes before the module is up would be lost: it is kept, and handed over once `main` has put its own
// listener in place.
const early = [];
const keep = (event) => early.push(event);
addEventListener("message", keep);
const app = await import(ours(asked.get("js")));
await app.default({ module_or_path: ours(asked.get("wasm")) });
removeEventListener("message", keep);
for (const event of early) {
  dispatchEvent(new MessageEvent("message", { data: event.data, ports: [...event.ports] }));
}
