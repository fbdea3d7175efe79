// Runs before the page: notes when the hooks say that a stage of joining is reached, in ms since navigation.
(() => {
    const reached = {};
    Object.defineProperty(window, '__reached', { value: reached });
    const stages = {
        dropZone: () => document.querySelector("[data-testid='share-input']"),
        relay: () => document.querySelector("[data-testid='app'][data-status='online']"),
        direct: () => document.querySelector("[data-testid='peer'][data-path='direct']"),
    };
    const look = () => {
        for (const [name, there] of Object.entries(stages)) {
            if (reached[name] === undefined && there()) reached[name] = performance.now();
        }
    };
    new MutationObserver(look).observe(document, { subtree: true, childList: true, attributes: true });
    // A drop zone that nobody can see yet is not ready: its time is that of the first paint, if that is later.
    new PerformanceObserver((list) => {
        for (const entry of list.getEntriesByName('first-contentful-paint')) reached.painted = entry.startTime;
    }).observe({ type: 'paint', buffered: true });
})();
