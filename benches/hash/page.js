// Takes turns between verifying and bare hashing, so that whatever else the machine does meets both.
import init, { platform, Stage } from './hash.js';

const timed = (work) => {
    const started = performance.now();
    const outcome = work();
    return { ms: performance.now() - started, outcome };
};

await init();
window.hashing = {
    platform,
    async run(groups, rounds) {
        const stage = new Stage(groups);
        const verify = [];
        const bare = [];
        for (let round = -1; round < rounds; round++) {
            let checked;
            let hashed;
            const turns = [() => { checked = timed(() => stage.verify()); }, () => { hashed = timed(() => stage.bare()); }];
            // Whoever comes second finds the bytes in the cache as the first left them: take turns at that, too.
            for (const turn of round % 2 ? turns.reverse() : turns) turn();
            if (checked.outcome !== groups) throw new Error(`${checked.outcome} of ${groups} groups are right`);
            // The first time the compiler is still at work.
            if (round >= 0) {
                verify.push(checked.ms);
                bare.push(hashed.ms);
            }
            await new Promise((done) => setTimeout(done));
        }
        return { verify, bare };
    },
};
// So that whoever waits for this looks.
document.body.dataset.ready = '';
