// Shows one document of a stranger, inside a frame that reaches neither the page nor the network.
//
// The frame has an opaque origin: no storage, no service worker, no way to touch the page. Its policy lets this script
// run and nothing be fetched. The page hands over one message; after that nobody is listened to.
"use strict";
(() => {
  /** Elements that load, run, redirect or name another place. The policy forbids all of it already: leaving them out
   *  keeps the document from asking, and a browser that resolves names ahead of time from hearing them. */
  const LEFT_OUT = "script, link, meta, base, iframe, frame, frameset, object, embed, portal, form, template";

  const show = {
    text(text) {
      const pre = document.createElement("pre");
      pre.textContent = text;
      return pre;
    },
    // As an image a drawing runs no script and loads nothing (SVG 2, secure static mode).
    svg(text) {
      const image = document.createElement("img");
      image.alt = "";
      image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(text)}`;
      return image;
    },
    // In a frame of its own without the right to run scripts, under this frame's policy.
    html(text) {
      const parsed = new DOMParser().parseFromString(text, "text/html");
      for (const element of parsed.querySelectorAll(LEFT_OUT)) element.remove();
      const frame = document.createElement("iframe");
      frame.setAttribute("sandbox", "");
      frame.srcdoc = `<!doctype html>${parsed.documentElement.outerHTML}`;
      return frame;
    },
  };

  const isDocument = (data) =>
    data !== null && typeof data === "object" && Object.hasOwn(show, data.kind) && typeof data.text === "string";

  addEventListener("message", function listen(event) {
    // The page is the only one that can hold this frame; it has the origin that this script came from.
    if (event.source !== parent || event.origin !== location.origin || !isDocument(event.data)) return;
    removeEventListener("message", listen);
    const { kind, text, theme } = event.data;
    if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
    const shown = show[kind](text);
    const done = () => parent.postMessage("shown", location.origin);
    if (kind === "text") done();
    else shown.addEventListener("load", done, { once: true });
    document.body.replaceChildren(shown);
  });
  addEventListener("DOMContentLoaded", () => parent.postMessage("ready", location.origin));
})();
