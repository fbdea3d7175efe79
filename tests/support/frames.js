// Encodes moving pictures with the browser's own encoder: [width, height, frames a second, frames, bits a second].
// Answers with the frames in order, each as base64; the first is a key frame.
const [width, height, rate, count, bitrate, done] = arguments;
const noise = new OffscreenCanvas(256, 256);
{
    const paint = noise.getContext('2d');
    const dots = paint.createImageData(256, 256);
    let state = 1;
    for (let at = 0; at < dots.data.length; at += 1) {
        state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
        dots.data[at] = at % 4 === 3 ? 70 : state >>> 24;
    }
    paint.putImageData(dots, 0, 0);
}
const base64 = (bytes) => {
    let text = '';
    for (let at = 0; at < bytes.length; at += 32768) text += String.fromCharCode(...bytes.subarray(at, at + 32768));
    return btoa(text);
};
const encode = async () => {
    const canvas = new OffscreenCanvas(width, height);
    const paint = canvas.getContext('2d');
    const frames = [];
    let failed;
    const encoder = new VideoEncoder({
        output: (chunk) => {
            const bytes = new Uint8Array(chunk.byteLength);
            chunk.copyTo(bytes);
            frames.push(base64(bytes));
        },
        error: (error) => { failed = error; },
    });
    encoder.configure({ codec: 'vp09.00.40.08', width, height, bitrate, framerate: rate, latencyMode: 'realtime' });
    for (let at = 0; at < count && !failed; at += 1) {
        const part = at / count;
        paint.fillStyle = `hsl(${200 + 60 * part} 40% 40%)`;
        paint.fillRect(0, 0, width, height);
        paint.fillStyle = paint.createPattern(noise, 'repeat');
        paint.setTransform(1, 0, 0, 1, (at * 37) % 256, (at * 91) % 256);
        paint.fillRect(-256, -256, width + 512, height + 512);
        paint.setTransform(1, 0, 0, 1, 0, 0);
        paint.fillStyle = '#ffc53d';
        paint.beginPath();
        paint.arc(width * (0.1 + 0.8 * part), height * (0.5 - 0.3 * Math.sin(part * 6.28)), height / 12, 0, 7);
        paint.fill();
        const frame = new VideoFrame(canvas, { timestamp: Math.round(at * 1e6 / rate) });
        encoder.encode(frame, { keyFrame: at === 0 });
        frame.close();
        while (encoder.encodeQueueSize > 2) await new Promise((resolve) => setTimeout(resolve, 5));
    }
    await encoder.flush();
    if (failed) throw failed;
    return frames;
};
encode().then((frames) => done({ frames }), (error) => done({ error: String(error) }));
