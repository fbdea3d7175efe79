// Runs before the page: keeps its peer connections, and reads what ICE knows about the one that carries packets.
(() => {
    const kept = [];
    const Stock = RTCPeerConnection;
    window.RTCPeerConnection = class RTCPeerConnection extends Stock {
        constructor(...given) {
            super(...given);
            kept.push(this);
            // So that a wait inside the page looks again.
            this.addEventListener('iceconnectionstatechange', () => document.body.setAttribute('data-ice', this.iceConnectionState));
        }
    };
    const pair = async () => {
        for (const connection of kept.filter((one) => one.connectionState === 'connected')) {
            const stats = await connection.getStats();
            const transport = [...stats.values()].find((entry) => entry.type === 'transport');
            const selected = stats.get(transport?.selectedCandidatePairId);
            if (selected) return selected;
        }
        return null;
    };
    window.__delay = {
        // Of checks that were sent from now on: the one that is on its way is left out.
        async roundTrips(count) {
            const times = [];
            let last = (await pair()).responsesReceived + 1;
            while (times.length < count) {
                const { responsesReceived, currentRoundTripTime } = await pair();
                if (responsesReceived > last) {
                    times.push(currentRoundTripTime);
                    last = responsesReceived;
                }
                await new Promise((done) => setTimeout(done, 50));
            }
            return times;
        },
        cut: () => kept.some((one) => ['disconnected', 'failed', 'closed'].includes(one.iceConnectionState)),
    };
})();
