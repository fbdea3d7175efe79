// Looks at the browser's own objects, the same way whichever libp2p made them: runs before the peer and only watches.
//
//   rtc.pair()       the selected candidate pair of the connected peer connection
//   rtc.settled(n)   resolves when at most `n` data channels are left open; how many were made so far
//   rtc.closedAt()   when a peer connection was closed last
//   rtc.channels()   data channels, for a reader of a failed test
(() => {
  const Native = globalThis.RTCPeerConnection
  const all = []
  const open = new Map()
  const changed = new EventTarget()
  let made = 0
  let closedAt = null

  function watch (channel) {
    const seen = { messages: 0, bytes: 0 }
    open.set(channel, seen)
    made += 1
    channel.addEventListener('message', ({ data }) => {
      seen.messages += 1
      seen.bytes += data.byteLength ?? data.size
    })
    channel.addEventListener('close', () => {
      open.delete(channel)
      changed.dispatchEvent(new Event('close'))
    })
  }

  globalThis.RTCPeerConnection = class RTCPeerConnection extends Native {
    constructor (...args) {
      super(...args)
      all.push(this)
      this.addEventListener('datachannel', ({ channel }) => watch(channel))
    }

    createDataChannel (...args) {
      const channel = super.createDataChannel(...args)
      watch(channel)
      return channel
    }

    close () {
      if (this.signalingState !== 'closed') closedAt = Date.now()
      super.close()
      // A closed connection's channels fire no events.
      for (const channel of open.keys()) if (channel.readyState === 'closed') open.delete(channel)
      changed.dispatchEvent(new Event('close'))
    }
  }

  async function pairOf (connection) {
    const stats = new Map()
    for (const [id, report] of await connection.getStats()) stats.set(id, report)
    const transport = [...stats.values()].find((report) => report.type === 'transport')
    const pair = stats.get(transport?.selectedCandidatePairId)
    const kind = (id) => stats.get(id)?.candidateType
    return pair && { local: kind(pair.localCandidateId), remote: kind(pair.remoteCandidateId), protocol: stats.get(pair.localCandidateId)?.protocol }
  }

  globalThis.rtc = {
    async pair () {
      const connection = all.findLast((one) => one.connectionState === 'connected')
      return connection ? await pairOf(connection) : null
    },

    settled (atMost) {
      return new Promise((resolve) => {
        const look = () => {
          if (open.size > atMost) return
          changed.removeEventListener('close', look)
          resolve(made)
        }
        changed.addEventListener('close', look)
        look()
      })
    },

    channels () {
      const spoken = ([channel, { messages, bytes }]) =>
        `${channel.id} '${channel.label}' ${channel.readyState}, ${messages} messages with ${bytes} bytes came, ${channel.bufferedAmount} wait`
      return { made, open: [...open].map(spoken) }
    },

    closedAt () {
      return closedAt
    },

    states () {
      return all.map((one) => one.connectionState)
    }
  }
})()
