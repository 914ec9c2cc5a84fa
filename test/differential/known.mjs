// What a peer does otherwise than the specification. A difference that one of these explains is counted apart.

/** @type {{peer: string, why: string, explains: (subject, ours, theirs, lines: string[]) => boolean}[]} */
export const known = [
  ...['ethereumjs', 'anvil'].map((peer) => ({
    peer,
    why: 'EIP-7610: a creation onto an address with storage fails, by the fixtures in every fork; not at the peer',
    explains: (subject, ours, theirs) => ours.gasUsed > theirs.gasUsed && Object.values(subject.pre).some((account) =>
      account.code === '0x' && BigInt(account.nonce) === 0n && Object.keys(account.storage).length > 0),
  })),
  {
    peer: 'ethereumjs',
    why: 'Frontier: a creation that can\'t pay for its code succeeds without it (EIP-2 is what changed that); ' +
      'EthereumJS does that to the state but calls it a failure',
    explains: (subject, ours, theirs, lines) => subject.fork === 'Frontier' && !subject.transaction.to &&
      ours.success && !theirs.success && lines.every((line) => /^(success|output):/.test(line)),
  },
];

export const explanation = (peer, ...found) =>
  known.find((entry) => entry.peer === peer && entry.explains(...found))?.why;
