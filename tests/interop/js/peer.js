// A js-libp2p peer, of the published packages as they are, behind the calls that the interop tests make.
//
// The Rust peer of ../peer answers the same calls, so a test does not know which of the two it talks to:
//
//   id                       who this is
//   join(relay)              reserve a circuit; the address under which others reach this peer
//   dial(address)            connect directly; who answered
//   met(id)                  resolves when a direct connection to the peer is open; how this side sees it
//   identified(id)           what the peer said about itself
//   ping(id, count)          milliseconds, one after the other
//   exchange(id, protocol, length, count)
//                            `count` streams at once: write, end our half, read to the end, compare; what it took
//   hangUp(id)               close the connections to the peer
//   gone(id)                 resolves when no direct connection to the peer is left; when that was
//   heartbeats(id, count)    resolves when the peer's liveness was proved so many more times
//   complaints()             what went wrong without a call failing

import { circuitRelayTransport } from '@libp2p/circuit-relay-v2'
import { identify } from '@libp2p/identify'
import { noise } from '@libp2p/noise'
import { peerIdFromString } from '@libp2p/peer-id'
import { ping } from '@libp2p/ping'
import { webRTC } from '@libp2p/webrtc'
import { webSockets } from '@libp2p/websockets'
import { yamux } from '@libp2p/yamux'
import { multiaddr } from '@multiformats/multiaddr'
import { WebRTC } from '@multiformats/multiaddr-matcher'
import { createLibp2p } from 'libp2p'

// Sends back what comes, as it comes.
const ECHO = '/echo/1.0.0'
// Sends back what came, once the other side has ended its half: works only with half-close.
const HOLD = '/hold/1.0.0'
// More than any test opens at once; the default of 32 is less.
const STREAMS_MAX = 128
const WRITE = 64 * 1024
// The monitor aborts a connection whose ping fails; every 10 s by default, too slow to see it here.
const HEARTBEAT_MS = 2000
const COMPLAINTS_MAX = 200

const complaints = []
const complain = (text) => { if (complaints.length < COMPLAINTS_MAX) complaints.push(`${Date.now()} ${text}`) }

const spoken = (value) => value instanceof Error ? `${value.name}: ${value.message}` : String(value)
function logger (name) {
  const log = () => {}
  log.enabled = false
  log.trace = () => {}
  log.error = (format, ...values) => complain([`${name}: ${format}`, ...values.map(spoken)].join(' | '))
  log.newScope = (scope) => logger(`${name}:${scope}`)
  return log
}

const node = await createLibp2p({
  addresses: { listen: ['/p2p-circuit', '/webrtc'] },
  transports: [webSockets(), circuitRelayTransport(), webRTC({ rtcConfiguration: { iceServers: [] } })],
  connectionEncrypters: [noise()],
  streamMuxers: [yamux()],
  services: { identify: identify(), ping: ping({ maxInboundStreams: STREAMS_MAX, maxOutboundStreams: STREAMS_MAX }) },
  connectionMonitor: { pingInterval: HEARTBEAT_MS },
  // By default a browser's js-libp2p refuses to dial loopback and private addresses.
  connectionGater: { denyDialMultiaddr: () => false },
  logger: { forComponent: logger }
})

const connections = (id) => node.getConnections(peerIdFromString(id))
const isDirect = (connection) => connection.limits == null && WebRTC.matches(connection.remoteAddr)
const direct = (id) => connections(id).find((connection) => isDirect(connection) && connection.status === 'open')

/** Resolves with what `look` finds, now or after one of these events of the node. */
function when (events, look) {
  return new Promise((resolve) => {
    const again = () => {
      const found = look()
      if (found == null || found === false) return
      events.forEach((name) => node.removeEventListener(name, again))
      resolve(found)
    }
    events.forEach((name) => node.addEventListener(name, again))
    again()
  })
}

const identified = new Map()
node.addEventListener('peer:identify', ({ detail }) => {
  if (isDirect(detail.connection)) identified.set(detail.peerId.toString(), detail)
})

// The connection monitor notes each round trip it measured; there is no event for it.
const beats = new Map()
node.addEventListener('connection:open', ({ detail: connection }) => {
  if (!isDirect(connection)) return
  const id = connection.remotePeer.toString()
  let rtt
  Object.defineProperty(connection, 'rtt', {
    get: () => rtt,
    set: (value) => {
      rtt = value
      beats.set(id, (beats.get(id) ?? 0) + 1)
      node.dispatchEvent(new Event('heartbeat'))
    }
  })
})

async function write (stream, bytes) {
  for (let at = 0; at < bytes.byteLength; at += WRITE) {
    if (!stream.send(bytes.subarray(at, at + WRITE))) await stream.onDrain()
  }
}

/** Everything until the other side ends its half. */
async function readToEnd (stream) {
  const parts = []
  for await (const part of stream) parts.push(part.subarray())
  const bytes = new Uint8Array(parts.reduce((length, part) => length + part.byteLength, 0))
  parts.reduce((at, part) => { bytes.set(part, at); return at + part.byteLength }, 0)
  return bytes
}

const limits = { maxInboundStreams: STREAMS_MAX, maxOutboundStreams: STREAMS_MAX, runOnLimitedConnection: false }
await node.handle(ECHO, async (stream) => {
  for await (const part of stream) {
    if (!stream.send(part)) await stream.onDrain()
  }
  await stream.close()
}, limits)
await node.handle(HOLD, async (stream) => {
  await write(stream, await readToEnd(stream))
  await stream.close()
}, limits)

/** Bytes that no two streams share. */
function pattern (length, seed) {
  const bytes = new Uint8Array(length)
  let state = (seed * 2654435761) >>> 0 | 1
  for (let at = 0; at < length; at++) {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    bytes[at] = state
  }
  return bytes
}

async function exchangeOne (connection, protocol, length, seed) {
  const sent = pattern(length, seed)
  const stream = await connection.newStream(protocol, limits)
  const reading = readToEnd(stream)
  await write(stream, sent)
  const ending = performance.now()
  // Resolves when the peer has acknowledged the end of our half (FIN_ACK), or after ten seconds without.
  await stream.close()
  const endMs = performance.now() - ending
  const received = await reading
  const same = received.byteLength === length && received.every((byte, at) => byte === sent[at])
  return { length: received.byteLength, same, endMs }
}

const peer = {
  id: node.peerId.toString(),

  async join (relay) {
    await node.dial(multiaddr(relay))
    const mine = await when(['self:peer:update'], () => node.getMultiaddrs().find((address) => WebRTC.exactMatch(address)))
    return mine.toString()
  },

  async dial (address) {
    const connection = await node.dial(multiaddr(address))
    return connection.remotePeer.toString()
  },

  async met (id) {
    const connection = await when(['connection:open'], () => direct(id))
    return {
      remote: connection.remoteAddr.toString(),
      limited: connection.limits != null,
      dialled: connection.direction === 'outbound',
      matches: WebRTC.exactMatch(connection.remoteAddr)
    }
  },

  async identified (id) {
    const { agentVersion, protocols, listenAddrs } = await when(['peer:identify'], () => identified.get(id))
    return { agent: agentVersion, protocols, addresses: listenAddrs.map(String) }
  },

  async ping (id, count) {
    // rust-libp2p answers one ping stream at a time and drops the older one, which the monitor takes for a dead peer:
    // so the pings go right after one of the monitor's.
    await peer.heartbeats(id, 1)
    const times = []
    for (let done = 0; done < count; done++) times.push(await node.services.ping.ping(peerIdFromString(id)))
    return times
  },

  async exchange (id, protocol, length, count) {
    const connection = direct(id)
    const started = performance.now()
    const all = await Promise.all(Array.from({ length: count }, (_, seed) => exchangeOne(connection, protocol, length, seed + 1)))
    return {
      bytes: all.reduce((sum, one) => sum + one.length, 0),
      same: all.every((one) => one.same),
      ms: performance.now() - started,
      endMs: Math.max(...all.map((one) => one.endMs))
    }
  },

  async hangUp (id) {
    await node.hangUp(peerIdFromString(id))
    return Date.now()
  },

  async gone (id) {
    await when(['connection:close', 'peer:disconnect'], () => direct(id) == null)
    return Date.now()
  },

  async heartbeats (id, count) {
    const wanted = (beats.get(id) ?? 0) + count
    await when(['heartbeat', 'connection:close'], () => (beats.get(id) ?? 0) >= wanted || direct(id) == null)
    if (direct(id) == null) throw new Error('the connection ended')
    return beats.get(id)
  },

  async complaints () {
    return complaints
  }
}

globalThis.peer = peer
globalThis.dispatchEvent(new Event('peer'))
