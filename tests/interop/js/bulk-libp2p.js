// js-libp2p as it is published, moving bytes: what `cargo xtask bench transfer` measures against.
//
// One protocol: the receiver says how many bytes it wants, the source sends so many and ends. Nothing is verified and
// nothing is kept, which is less than Starling does.
//
//   id, join(relay), dial(address)    as in peer.js
//   receive(sources, length)          a stream to each source, an equal part from each; what it took

import { circuitRelayTransport } from '@libp2p/circuit-relay-v2'
import { identify } from '@libp2p/identify'
import { noise } from '@libp2p/noise'
import { peerIdFromString } from '@libp2p/peer-id'
import { webRTC } from '@libp2p/webrtc'
import { webSockets } from '@libp2p/websockets'
import { yamux } from '@libp2p/yamux'
import { multiaddr } from '@multiformats/multiaddr'
import { WebRTC } from '@multiformats/multiaddr-matcher'
import { createLibp2p } from 'libp2p'

const BULK = '/bulk/1.0.0'
const WRITE = 64 * 1024

const node = await createLibp2p({
  addresses: { listen: ['/p2p-circuit', '/webrtc'] },
  transports: [webSockets(), circuitRelayTransport(), webRTC({ rtcConfiguration: { iceServers: [] } })],
  connectionEncrypters: [noise()],
  streamMuxers: [yamux()],
  services: { identify: identify() },
  // By default a browser's js-libp2p refuses to dial loopback and private addresses.
  connectionGater: { denyDialMultiaddr: () => false },
  // A machine that builds something beside this is slow to connect, which is not what is measured.
  connectionManager: { dialTimeout: 60_000, inboundUpgradeTimeout: 60_000, outboundUpgradeTimeout: 60_000 },
  connectionMonitor: { enabled: false }
})

await node.handle(BULK, async (stream) => {
  const payload = new Uint8Array(WRITE)
  let left = 0
  for await (const part of stream) {
    left = Number(part.getBigUint64?.(0) ?? new DataView(part.buffer, part.byteOffset).getBigUint64(0))
    break
  }
  while (left > 0) {
    const take = Math.min(left, WRITE)
    if (!stream.send(payload.subarray(0, take))) await stream.onDrain()
    left -= take
  }
  await stream.close()
})

function mine () {
  return node.getMultiaddrs().find((address) => WebRTC.exactMatch(address))
}

async function take (source, length, onFirst) {
  const connection = node.getConnections(peerIdFromString(source)).find((one) => one.limits == null)
  const stream = await connection.newStream(BULK)
  const wanted = new Uint8Array(8)
  new DataView(wanted.buffer).setBigUint64(0, BigInt(length))
  stream.send(wanted)
  let received = 0
  for await (const part of stream) {
    if (received === 0) onFirst()
    received += part.byteLength
    if (received >= length) break
  }
  return received
}

globalThis.bulk = {
  id: node.peerId.toString(),

  async join (relay) {
    await node.dial(multiaddr(relay))
    while (mine() == null) await new Promise((resolve) => node.addEventListener('self:peer:update', resolve, { once: true }))
    return mine().toString()
  },

  async dial (address) {
    await node.dial(multiaddr(address))
  },

  async receive (sources, length) {
    const started = performance.now()
    let firstByteMs
    const part = Math.ceil(length / sources.length)
    const parts = sources.map((source, at) => take(source, Math.min(part, length - at * part), () => { firstByteMs ??= performance.now() - started }))
    const received = (await Promise.all(parts)).reduce((sum, one) => sum + one, 0)
    return { received, seconds: (performance.now() - started) / 1000, firstByteMs }
  }
}
