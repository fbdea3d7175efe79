// Bare data channels between pages: the ceiling that Starling is measured against, and the rule that the ceiling
// itself must beat. Signalling is done by whoever drives the pages; nothing but the transfer is measured.
//
// `window`: the receiver grants bytes, the sender never has more in flight; messages of 64 KiB.
// `stop`: 16 KiB at a time, the next when the send buffer is empty (what libp2p's browser WebRTC stream does).
//
// Connections go by a number. Several of them share one transfer: an equal part comes from each.

const MESSAGE = 64 * 1024;
const STOP_MESSAGE = 16 * 1024;

const links = new Map();

const opened = (channel) => channel.readyState === 'open' ? Promise.resolve() : new Promise((done) => { channel.onopen = done; });

const gathered = async (connection) => {
    if (connection.iceGatheringState !== 'complete') {
        await new Promise((done) => { connection.onicegatheringstatechange = () => { if (connection.iceGatheringState === 'complete') done(); }; });
    }
    return connection.localDescription.sdp;
};

const begin = (k) => {
    const connection = new RTCPeerConnection();
    const data = connection.createDataChannel('data', { negotiated: true, id: 1 });
    const control = connection.createDataChannel('control', { negotiated: true, id: 2 });
    data.binaryType = control.binaryType = 'arraybuffer';
    // Listened for from the start: the receiver may be ready before the sender has been told to send.
    const said = (word) => new Promise((done) => { control.addEventListener('message', (event) => { if (event.data === word) done(); }); });
    const link = { connection, data, control, go: said('go'), over: said('over'), open: Promise.all([opened(data), opened(control)]) };
    links.set(k, link);
    return link;
};

window.bulk = {
    async offer(k) {
        const { connection } = begin(k);
        await connection.setLocalDescription(await connection.createOffer());
        return gathered(connection);
    },
    async answer(k, offer) {
        const { connection } = begin(k);
        await connection.setRemoteDescription({ type: 'offer', sdp: offer });
        await connection.setLocalDescription(await connection.createAnswer());
        return gathered(connection);
    },
    async accept(k, answer) {
        const { connection, open } = links.get(k);
        await connection.setRemoteDescription({ type: 'answer', sdp: answer });
        await open;
    },
    async send(k, rule, total, window) {
        const link = links.get(k);
        await link.open;
        await link.go;
        await (rule === 'window' ? sendGranted(link, total, window) : sendStopping(link, total));
        await link.over;
    },
    async receive(ks, rule, totals, window) {
        await Promise.all(ks.map((k) => links.get(k).open));
        const started = performance.now();
        let firstByteMs;
        const parts = ks.map((k, at) => receiveOne(links.get(k), rule, totals[at], window, () => { firstByteMs ??= performance.now() - started; }));
        const received = (await Promise.all(parts)).reduce((sum, part) => sum + part, 0);
        const seconds = (performance.now() - started) / 1000;
        for (const k of ks) links.get(k).control.send('over');
        return { received, seconds, firstByteMs };
    },
};

const receiveOne = ({ data, control }, rule, total, window, onFirst) => new Promise((done) => {
    let received = 0;
    data.onmessage = (event) => {
        if (received === 0) onFirst();
        received += event.data.byteLength;
        if (rule === 'window') control.send(String(received + window));
        if (received >= total) done(received);
    };
    control.send('go');
});

const sendGranted = ({ data, control }, total, window) => new Promise((done) => {
    const payload = new Uint8Array(MESSAGE);
    let sent = 0;
    let granted = window;
    const go = () => {
        while (sent < total && sent + MESSAGE <= granted) {
            const length = Math.min(MESSAGE, total - sent);
            data.send(length === MESSAGE ? payload : payload.subarray(0, length));
            sent += length;
        }
        if (sent >= total) done();
    };
    control.addEventListener('message', (event) => {
        const grant = Number(event.data);
        if (grant > granted) {
            granted = grant;
            go();
        }
    });
    go();
});

const sendStopping = ({ data }, total) => new Promise((done) => {
    const payload = new Uint8Array(STOP_MESSAGE);
    let sent = 0;
    data.bufferedAmountLowThreshold = 0;
    const go = () => {
        if (sent >= total) return done();
        const length = Math.min(STOP_MESSAGE, total - sent);
        data.send(length === STOP_MESSAGE ? payload : payload.subarray(0, length));
        sent += length;
    };
    data.onbufferedamountlow = go;
    go();
});
