// Runs before the page: keeps what must not happen, so that a journey can assert that it did not.
(() => {
    const seen = { violations: [], errors: [] };
    Object.defineProperty(window, '__witness', { value: seen });
    document.addEventListener('securitypolicyviolation', (event) =>
        seen.violations.push(`${event.effectiveDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}`));
    window.addEventListener('error', (event) => seen.errors.push(`error: ${event.message}\n${event.error?.stack ?? ''}`));
    window.addEventListener('unhandledrejection', (event) => seen.errors.push(`rejection: ${event.reason}`));
    const spoken = console.error;
    console.error = (...words) => {
        seen.errors.push(words.map(String).join(' '));
        spoken.apply(console, words);
    };
    // Every journey that must stay hidden can ask whether it ever was not.
    seen.shown = document.hidden ? 0 : 1;
    document.addEventListener('visibilitychange', () => { if (!document.hidden) seen.shown += 1; });
})();
