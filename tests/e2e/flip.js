// A hostile tab: its page is the real one, its data channels lie once. The first bulk frame of a long run is left alone,
// so that the lie falls into the middle of a transfer; then one byte in the middle of one frame is flipped.
(() => {
    const BULK = 12 * 1024;
    const LEFT_ALONE = 4;
    window.__bulk = 0;
    window.__flipped = 0;
    const send = RTCDataChannel.prototype.send;
    RTCDataChannel.prototype.send = function (data) {
        const length = data.byteLength ?? 0;
        if (length < BULK) return send.call(this, data);
        window.__bulk += 1;
        if (window.__bulk <= LEFT_ALONE || window.__flipped > 0) return send.call(this, data);
        window.__flipped += 1;
        const view = ArrayBuffer.isView(data) ? new Uint8Array(data.buffer, data.byteOffset, length) : new Uint8Array(data);
        const lie = view.slice();
        lie[length >> 1] ^= 1;
        return send.call(this, lie);
    };
})();
