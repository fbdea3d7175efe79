// The page's service worker: answers `/stream/<id>` and `/save/<id>` from the tab that holds the item.
//
// It decides nothing and keeps nothing: the tab says how a request is answered (crates/node, `streaming`), and bytes
// pass through one chunk at a time, when the browser wants them. Every other request is left alone, and nothing is
// cached, so no build of the page is ever pinned. Each request has a port of its own, so a worker that the browser
// ended and started again has nothing to restore. What is said on the port is in crates/node, `stream_port`.
"use strict";

/** The version of what this worker and a tab say to each other; a tab of another build says that it has nothing. */
const SPEECH = 2;
/** A tab answers from its main thread, which no task may hold for long; a frozen one does not answer at all. */
const ANSWER_WITHIN_MS = 3000;
/** While bytes are waited for, how often to look whether the tab is still there. */
const LOOK_EVERY_MS = 2000;

const OURS = /^\/(stream|save)\/([^/]*)$/;

addEventListener("install", (event) => {
  // Nothing is cached, so a new version may take over at any time: requests under way end with their own worker.
  skipWaiting();
  const rest = { not: { or: [{ urlPattern: "/stream/*" }, { urlPattern: "/save/*" }] } };
  // Where the browser knows static routes, other requests do not even wake this worker.
  if (event.addRoutes) event.waitUntil(event.addRoutes({ condition: rest, source: "network" }).catch(() => {}));
});

addEventListener("activate", (event) => event.waitUntil(clients.claim()));

addEventListener("message", (event) => {
  // "claim": a tab that was reloaded past its service worker wants it back. "awake": any message keeps a worker alive.
  if (event.data === "claim") event.waitUntil(clients.claim());
});

addEventListener("fetch", (event) => {
  const url = new URL(event.request.url);
  const asked = url.origin === location.origin && OURS.exec(url.pathname);
  if (asked) event.respondWith(answer(event, asked[1], asked[2], url.search));
});

const answer = async (event, purpose, id, query) => {
  const { method, headers, destination } = event.request;
  const question = { speech: SPEECH, purpose, id, query, method, destination };
  question.range = headers.get("range");
  question.ifRange = headers.get("if-range");
  const found = await holder(event.clientId, question);
  if (!found) return nobody();
  const { status, headers: said, length } = found.head;
  if (length === 0) found.port.close();
  return new Response(length === 0 ? null : body(event, found), { status, headers: said });
};

/** The tab that has the item: the one that asks, or whichever other answers first. */
const holder = async (asking, question) => {
  const tabs = (await clients.matchAll({ type: "window", includeUncontrolled: true }))
    .filter((tab) => tab.frameType === "top-level");
  const own = tabs.find((tab) => tab.id === asking);
  const found = own && (await ask(own, question));
  if (found) return found;
  const answers = tabs.filter((tab) => tab !== own).map((tab) => ask(tab, question));
  const first = await Promise.any(answers.map(async (one) => (await one) ?? Promise.reject())).catch(() => undefined);
  for (const one of answers) {
    one.then((other) => {
      if (other && other !== first) farewell(other.port);
    });
  }
  return first;
};

const ask = (tab, question) =>
  new Promise((resolve) => {
    const { port1: port, port2 } = new MessageChannel();
    const done = (head) => {
      clearTimeout(timer);
      port.onmessage = null;
      if (head) resolve({ tab, port, head });
      else {
        farewell(port);
        resolve(undefined);
      }
    };
    const timer = setTimeout(done, ANSWER_WITHIN_MS);
    port.onmessage = ({ data }) => done(data);
    tab.postMessage(question, [port2]);
  });

/** The bytes of an answer, fetched from the tab one chunk ahead of whoever reads them. */
const body = (event, { tab, port, head }) => {
  let left = head.length;
  let over;
  event.waitUntil(new Promise((resolve) => (over = resolve)));
  const end = () => {
    farewell(port);
    over();
  };
  return new ReadableStream({
    async pull(controller) {
      try {
        const chunk = await next(tab, port);
        left -= chunk.byteLength;
        controller.enqueue(new Uint8Array(chunk));
      } catch (error) {
        end();
        throw error;
      }
      if (left === 0) {
        controller.close();
        end();
      }
    },
    cancel: end,
  });
};

const next = (tab, port) =>
  new Promise((resolve, reject) => {
    const done = (settle, value) => {
      clearInterval(timer);
      port.onmessage = null;
      settle(value);
    };
    // A tab that was closed or crashed takes its port with it, and not every browser says so.
    const look = async () => {
      if (!(await clients.get(tab.id))) done(reject, new Error("the tab that holds this item is gone"));
    };
    const timer = setInterval(look, LOOK_EVERY_MS);
    port.onmessage = ({ data }) => {
      if (data instanceof ArrayBuffer) done(resolve, data);
      else done(reject, new Error(`the tab cannot give these bytes: ${data}`));
    };
    port.postMessage(true);
  });

const farewell = (port) => {
  port.postMessage(false);
  port.close();
};

const nobody = () =>
  new Response("No open tab of this page holds this item.\n", {
    status: 404,
    headers: {
      "content-type": "text/plain; charset=utf-8",
      "content-security-policy": "default-src 'none'; sandbox; frame-ancestors 'none'",
      "x-content-type-options": "nosniff",
      "cache-control": "no-store",
    },
  });
