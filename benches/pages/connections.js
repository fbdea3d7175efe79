// Runs before the page: keeps its peer connections, so that the bytes they sent can be read afterwards.
(() => {
    const kept = [];
    const Stock = RTCPeerConnection;
    window.RTCPeerConnection = class RTCPeerConnection extends Stock {
        constructor(...given) { super(...given); kept.push(this); }
    };
    window.__sent = async () => {
        let bytes = 0;
        let packets = 0;
        for (const connection of kept) {
            for (const entry of (await connection.getStats()).values()) {
                if (entry.type === 'transport') { bytes += entry.bytesSent; packets += entry.packetsSent; }
            }
        }
        return { bytes, packets };
    };
})();
