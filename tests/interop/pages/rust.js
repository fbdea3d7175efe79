// Starts the Rust peer: the same object as the js-libp2p page puts there.
import init, { Peer } from './peer.js'

await init()
globalThis.peer = new Peer()
globalThis.dispatchEvent(new Event('peer'))
