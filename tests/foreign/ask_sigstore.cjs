// Asks the npm package @sigstore/verify about each case on standard input: one JSON list in, one
// JSON list of booleans out. Its public verifier takes whole bundles; asked here is the step of
// it that concerns the log, `verifyTLogInclusion` (checkpoint signature, then Merkle inclusion).
// It has no consistency proofs, and checks a checkpoint only together with an entry.
'use strict'
const path = require('node:path')
const crypto = require('node:crypto')
const modules = path.join(process.argv[2], 'node_modules', '@sigstore', 'verify', 'dist')
const { verifyTLogInclusion } = require(path.join(modules, 'tlog', 'index.js'))

const SPKI = Buffer.from('302a300506032b6570032100', 'hex') // DER before an Ed25519 key

function judge(one) {
  const [name, id, ...encoded] = one.key.split('+')
  const raw = Buffer.from(encoded.join('+'), 'base64').subarray(1)
  const log = {
    logID: Buffer.from(id, 'hex'),
    baseURL: `https://${name}`,
    publicKey: crypto.createPublicKey({
      key: Buffer.concat([SPKI, raw]), format: 'der', type: 'spki',
    }),
    validFor: { start: new Date(0), end: new Date(8.64e15) },
  }
  const entry = {
    canonicalizedBody: Buffer.from(one.entry, 'base64'),
    inclusionProof: {
      logIndex: String(one.index),
      hashes: one.proof.map((hash) => Buffer.from(hash, 'base64')),
      checkpoint: { envelope: one.note },
    },
  }
  try {
    verifyTLogInclusion(entry, [log])
    return true
  } catch {
    return false
  }
}

let text = ''
process.stdin.on('data', (chunk) => { text += chunk })
process.stdin.on('end', () => {
  process.stdout.write(JSON.stringify(JSON.parse(text).map(judge)))
})
