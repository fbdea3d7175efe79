// Starts the page: the theme before the first paint, files chosen before the app runs, then the app itself.
//
// A classic script on purpose. It runs while <head> is parsed, so the theme never flashes, no early file is missed, and
// the download of the app starts at once. Trunk writes the names of the app's files into its data attributes
// (`pattern_script` in Trunk.toml); the page's policy allows no inline script.
"use strict";
(() => {
  const { js, wasm } = document.currentScript.dataset;
  const root = document.documentElement;

  try {
    const theme = localStorage.getItem("starling.theme");
    if (theme === "light" || theme === "dark") root.dataset.theme = theme;
  } catch {
    // Storage is refused: the system's theme it is.
  }
  // The static shell is Home's; on other screens only its header shows until the app has drawn.
  root.dataset.route = location.hash.split("/")[1] || "home";

  // Files that arrive before the app does. The one <input> is never replaced, so that a chooser which is open while the
  // app takes over still answers; drops and pastes have no element, so all three are kept here until `take` is called.
  const early = [];
  const keep = (files) => {
    if (!files || files.length === 0) return;
    early.push(...files);
    const title = document.querySelector("#shell .drop-title");
    if (title) title.textContent = early.length === 1 ? `Reading ${early[0].name}` : `Reading ${early.length} files`;
  };
  const listeners = {
    change: (event) => {
      if (event.target.id !== "share-input") return;
      keep(event.target.files);
      event.target.value = "";
    },
    click: (event) => {
      if (event.target.closest?.("#shell button.choose")) document.getElementById("share-input").click();
    },
    // Both are needed for a drop to be ours and not a navigation to the file.
    dragover: (event) => event.preventDefault(),
    drop: (event) => {
      event.preventDefault();
      keep(event.dataTransfer?.files);
    },
    paste: (event) => keep(event.clipboardData?.files),
  };
  for (const [name, listener] of Object.entries(listeners)) document.addEventListener(name, listener);
  globalThis.starlingEarly = {
    /** The files so far; from now on the app listens. */
    take() {
      for (const [name, listener] of Object.entries(listeners)) document.removeEventListener(name, listener);
      return early.splice(0);
    },
  };

  // The node starts its workers from the same two files.
  globalThis.starlingFiles = { js, wasm };

  const failed = (error) => {
    console.error(error);
    document.getElementById("shell-fault").hidden = false;
  };
  // Once the page is parsed, Trunk's preload links have long begun to fetch both files, and #app is there to draw into.
  // The hash of the module is on its modulepreload link; the one of the wasm file has to be passed on by hand.
  const run = async () => {
    const integrity = document.querySelector('link[rel="preload"][as="fetch"]')?.integrity ?? "";
    const [app, response] = await Promise.all([import(js), fetch(wasm, { integrity })]);
    await app.default({ module_or_path: response });
  };
  addEventListener("DOMContentLoaded", () => run().catch(failed));
})();
