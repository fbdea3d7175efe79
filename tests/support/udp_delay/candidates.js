// Runs before the page: whatever candidates the other side signals, this browser is told of one only, its gate. It
// knows no other address to send to, so nothing can pass beside the gate.
((address, port) => {
    const candidate = (usernameFragment) =>
        `candidate:1 1 udp 2130706431 ${address} ${port} typ host${usernameFragment ? ` ufrag ${usernameFragment}` : ''}`;
    const { addIceCandidate, setRemoteDescription } = RTCPeerConnection.prototype;

    // The first candidate of a description becomes the gate, the others go.
    const bent = (description) => {
        let told = false;
        const sdp = description.sdp.replace(/a=candidate:[^\r\n]*\r?\n/g, () => {
            if (told) return '';
            told = true;
            return `a=${candidate()}\r\n`;
        });
        return { type: description.type, sdp };
    };

    RTCPeerConnection.prototype.setRemoteDescription = function (description, ...rest) {
        return setRemoteDescription.call(this, description?.sdp ? bent(description) : description, ...rest);
    };
    RTCPeerConnection.prototype.addIceCandidate = function (given, ...rest) {
        // No candidate: there will be no more of them.
        if (!given?.candidate) return addIceCandidate.call(this, given, ...rest);
        const { sdpMid, sdpMLineIndex, usernameFragment } = given;
        // The same one again and again is one: the browser knows equal candidates.
        return addIceCandidate.call(this, { candidate: candidate(usernameFragment), sdpMid, sdpMLineIndex, usernameFragment }, ...rest);
    };
})('GATE ADDRESS', 'GATE PORT');
