// Looks at the browser's own objects, the same way whichever libp2p made them: runs before the peer and only watches.
//
//   rtc.pair()       the selected candidate pair of the connected peer connection
//   rtc.settled()    resolves when no data channel of a living connection is open or on its way
//   rtc.channels()   data channels made and closed so far
(() => {
  const Native = globalThis.RTCPeerConnection
  const all = []
  const open = new Set()
  const changed = new EventTarget()
  const count = { opened: 0, closed: 0 }

  function watch (channel) {
    open.add(channel)
    count.opened += 1
    channel.addEventListener('close', () => {
      open.delete(channel)
      count.closed += 1
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
      super.close()
      // A closed connection's channels fire no events.
      for (const channel of open) if (channel.readyState === 'closed') open.delete(channel)
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

    settled () {
      return new Promise((resolve) => {
        const look = () => {
          if (open.size > 0) return
          changed.removeEventListener('close', look)
          resolve({ ...count })
        }
        changed.addEventListener('close', look)
        look()
      })
    },

    channels () {
      return { ...count, open: [...open].map((channel) => `${channel.id} '${channel.label}' ${channel.readyState}`) }
    },

    states () {
      return all.map((one) => one.connectionState)
    }
  }
})()
