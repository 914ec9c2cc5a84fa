// The check of a KZG proof that EthereumJS leaves to a library; what there is for that reads the whole trusted setup
// first, for 12 s. This needs its one point of G2 alone.
//
// e(C - [y]G1, G2) = e(proof, [s]G2 - [z]G2)    EIP-4844; consensus specification (Deneb), verify_kzg_proof

import { bls12_381 } from '@noble/curves/bls12-381.js';

const { G1, G2, fields } = bls12_381;
const setup = G2.Point.fromHex('b5bfd7dd8cdeb128843bc287230af38926187075cbfbefa81009a2ce615ac53d2914e5870cb452d2' +
  'afaaab24f3499f72185cbfee53492714734429b7b38608e23926c911cceceac9a36851477ba4c60b087041de621000edc98edada20c1def2');

function point(hex) {
  const out = G1.Point.fromHex(hex.slice(2));
  if (!out.equals(G1.Point.ZERO)) out.assertValidity();
  return out;
}
function scalar(hex) {
  const out = BigInt(hex);
  if (out >= fields.Fr.ORDER) throw new Error('C_KZG_BADARGS: not below the order');
  return out;
}
const times = (base, number) => (number === 0n ? base.constructor.ZERO : base.multiply(number));

function verify_proof(commitment, z_hex, y_hex, proof_hex) {
  let left, right, proof;
  try {
    left = point(commitment).subtract(times(G1.Point.BASE, scalar(y_hex)));
    right = setup.subtract(times(G2.Point.BASE, scalar(z_hex)));
    proof = point(proof_hex);
  } catch (error) {
    throw new Error(`C_KZG_BADARGS: ${error.message}`);
  }
  const pairs = [{ g1: left, g2: G2.Point.BASE }, { g1: proof.negate(), g2: right }]
    .filter(({ g1, g2 }) => !g1.equals(G1.Point.ZERO) && !g2.equals(G2.Point.ZERO));
  return pairs.length === 0 || fields.Fp12.eql(bls12_381.pairingBatch(pairs), fields.Fp12.ONE);
}

export const kzg = { verifyProof: verify_proof };
