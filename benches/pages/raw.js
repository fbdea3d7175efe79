// A bare data channel between two pages: the ceiling that Starling is measured against, and the rule that the ceiling
// itself must beat. Signalling is done by whoever drives both pages; nothing but the transfer is measured.
//
// `window`: the receiver grants bytes, the sender never has more in flight; messages of 64 KiB.
// `stop`: 16 KiB at a time, the next when the send buffer is empty (what libp2p's browser WebRTC stream does).

const WINDOW = 512 * 1024;
const MESSAGE = 64 * 1024;
const STOP_MESSAGE = 16 * 1024;

let connection;
let data;
let control;
let ready;

const opened = (channel) => channel.readyState === 'open' ? Promise.resolve() : new Promise((done) => { channel.onopen = done; });

const gathered = async () => {
    if (connection.iceGatheringState !== 'complete') {
        await new Promise((done) => { connection.onicegatheringstatechange = () => { if (connection.iceGatheringState === 'complete') done(); }; });
    }
    return connection.localDescription.sdp;
};

// A fresh connection for every round: nothing learned by congestion control is carried over.
const begin = () => {
    connection?.close();
    connection = new RTCPeerConnection();
    data = connection.createDataChannel('data', { negotiated: true, id: 1 });
    control = connection.createDataChannel('control', { negotiated: true, id: 2 });
    data.binaryType = control.binaryType = 'arraybuffer';
    // Listened for from the start: the receiver may be ready before the sender has been told to send.
    ready = new Promise((done) => { control.addEventListener('message', (event) => { if (event.data === 'go') done(); }); });
};

const transport = async (field) => {
    for (const entry of (await connection.getStats()).values()) {
        if (entry.type === 'transport') return { bytes: entry[`bytes${field}`], packets: entry[`packets${field}`] };
    }
    throw new Error('no transport in the statistics');
};

window.raw = {
    async offer() {
        begin();
        await connection.setLocalDescription(await connection.createOffer());
        return gathered();
    },
    async answer(offer) {
        begin();
        await connection.setRemoteDescription({ type: 'offer', sdp: offer });
        await connection.setLocalDescription(await connection.createAnswer());
        return gathered();
    },
    async accept(answer) {
        await connection.setRemoteDescription({ type: 'answer', sdp: answer });
        await Promise.all([opened(data), opened(control)]);
    },
    async send(rule, total) {
        await Promise.all([opened(data), opened(control)]);
        const before = await transport('Sent');
        await ready;
        const over = new Promise((done) => { control.addEventListener('message', (event) => { if (event.data === 'done') done(); }); });
        await (rule === 'window' ? sendGranted(total) : sendStopping(total));
        await over;
        const after = await transport('Sent');
        return { wireBytes: after.bytes - before.bytes, packets: after.packets - before.packets };
    },
    async receive(rule, total) {
        await Promise.all([opened(data), opened(control)]);
        const started = performance.now();
        let received = 0;
        let firstByteMs;
        const whole = new Promise((done) => {
            data.onmessage = (event) => {
                firstByteMs ??= performance.now() - started;
                received += event.data.byteLength;
                if (rule === 'window') control.send(String(received + WINDOW));
                if (received >= total) done();
            };
        });
        control.send('go');
        await whole;
        const seconds = (performance.now() - started) / 1000;
        control.send('done');
        return { seconds, firstByteMs, received };
    },
};

const sendGranted = (total) => new Promise((done) => {
    const payload = new Uint8Array(MESSAGE);
    let sent = 0;
    let granted = WINDOW;
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

const sendStopping = (total) => new Promise((done) => {
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
