// WebTorrent as it is published, moving a file: what `cargo xtask bench transfer` measures against.
//
// Whoever drives the pages carries the signalling, in place of a tracker, and hands over the torrent file, so finding
// the peer and the metadata costs WebTorrent nothing. Pieces are verified and stored where WebTorrent stores by default.
//
//   seed(input)                  offers the file that was chosen in an element; the torrent file in base64
//   offer(k), answer(k, offer), accept(k, answer)
//                                a simple-peer connection under a number
//   serve(k)                     the torrent goes over this connection
//   fetch(torrent, ks)           adds the torrent and these connections; what it took

import Peer from '@thaunknown/simple-peer/lite.js'
import WebTorrent from 'webtorrent/dist/webtorrent.min.js'

const client = new WebTorrent({ dht: false, lsd: false, tracker: false, utPex: false })
const options = { announce: [] }
const peers = new Map()
let seeded

const failed = new Promise((resolve, reject) => client.on('error', reject))
const or = (promise) => Promise.race([promise, failed])

const base64 = (bytes) => btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''))
const bytes = (text) => Uint8Array.from(atob(text), (char) => char.charCodeAt(0))

function connect (k, initiator) {
  const peer = new Peer({ initiator, trickle: false, config: { iceServers: [] } })
  peers.set(k, peer)
  return new Promise((resolve) => peer.once('signal', (signal) => resolve(JSON.stringify(signal))))
}

globalThis.bulk = {
  seed (input) {
    return or(new Promise((resolve) => client.seed(input.files[0], options, (torrent) => {
      seeded = torrent
      resolve(base64(torrent.torrentFile))
    })))
  },

  offer (k) {
    return or(connect(k, true))
  },

  answer (k, offer) {
    const answer = connect(k, false)
    peers.get(k).signal(JSON.parse(offer))
    return or(answer)
  },

  async accept (k, answer) {
    const peer = peers.get(k)
    const connected = new Promise((resolve) => peer.once('connect', resolve))
    peer.signal(JSON.parse(answer))
    await or(connected)
  },

  serve (k) {
    return seeded.addPeer(peers.get(k))
  },

  fetch (torrentFile, ks) {
    return or(new Promise((resolve) => {
      client.add(bytes(torrentFile), options, (torrent) => {
        const started = performance.now()
        let firstByteMs
        torrent.once('download', () => { firstByteMs = performance.now() - started })
        torrent.once('done', () => resolve({ received: torrent.length, seconds: (performance.now() - started) / 1000, firstByteMs }))
        for (const k of ks) torrent.addPeer(peers.get(k))
      })
    }))
  }
}
