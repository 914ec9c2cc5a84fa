// GraphQL on /graphql against its reference implementation: what that takes is answered, what it refuses is refused.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { graphqlSync, parse, validate, validateSchema } from 'graphql';
import { client_schema, graphql, introspection_query } from './lib/graphql.mjs';
import { receipt_of } from './lib/chain.mjs';
import { http_url, rpc } from './lib/rpc.mjs';

const zero = `0x${'0'.repeat(40)}`;
const word = `0x${'0'.repeat(64)}`;

const valid = [
  '{ block { number } }',
  'query Q { block(number: 0) { hash parent { hash } } }',
  'query ($n: Long = 0) { block(number: $n) { number } }',
  'query ($n: Long!) { block(number: $n) { number } }',
  'query ($n: Long = 0, $yes: Boolean = true) { block(number: $n) { number @skip(if: $yes) hash @include(if: $yes) } }',
  '{ block { ...B } } fragment B on Block { number ...C } fragment C on Block { hash }',
  '{ block { ... { number } ... on Block { hash } } }',
  '{ a: block { number } b: block(number: "0x0") { number } }',
  '{ block { number number transactions { hash } transactions { nonce hash } } }',
  `{ block { account(address: "${zero}") { balance storage(slot: "${word}") } } }`,
  `{ logs(filter: {fromBlock: 0, addresses: ["${zero}"], topics: [[], ["${word}"]]}) { data topics } }`,
  `{ logs(filter: {addresses: "${zero}"}) { index } }`,
  `query ($f: FilterCriteria!) { logs(filter: $f) { index } }`,
  `query ($t: [[Bytes32!]!]) { logs(filter: {topics: $t}) { index } }`,
  `{ block { call(data: {to: "${zero}", value: 0, data: """0x"""}) { data status } } }`,
  '{ __typename __schema { queryType { name } } __type(name: "Block") { fields { name } } }',
  'query A { chainID }',
  '{ pending { transactionCount } syncing { currentBlock } gasPrice maxPriorityFeePerGas }',
  '# nothing\n{ block { number } } # more',
  '\ufeff{block{number,hash,,}}',
];

const invalid = [
  '', '{', '{}', '{ }', 'query', '{ block }', '{ block { } }', '{ block { nothing } }', '{ nothing }',
  '{ block { number { x } } }', '{ block { transactions } }', '{ block(number: 0, number: 1) { hash } }',
  '{ block(height: 1) { hash } }', '{ transaction { hash } }', '{ block(number: []) { hash } }',
  '{ block(number: true) { hash } }', '{ block(number: latest) { hash } }', '{ block(hash: "0x12") { hash } }',
  '{ block(hash: 12) { hash } }', '{ transaction(hash: null) { hash } }', '{ logs(filter: {}) }', '{ logs { data } }',
  '{ logs(filter: {colour: 1}) { data } }', '{ logs(filter: {fromBlock: 1, fromBlock: 2}) { data } }',
  '{ logs(filter: []) { data } }', '{ logs(filter: {addresses: [null]}) { data } }',
  'query ($n: Long) { block { number } }', '{ block(number: $n) { number } }',
  'query ($n: Long, $n: Long) { block(number: $n) { number } }', 'query ($n: String) { block(number: $n) { number } }',
  'query ($n: Block) { block(number: $n) { number } }', 'query ($n: Nothing) { block(number: $n) { number } }',
  'query ($h: Bytes32) { transaction(hash: $h) { hash } }', 'query ($a: [Address]) { logs(filter: {addresses: $a}) { data } }',
  'query ($n: Long = "x") { block(number: $n) { number } }', 'query ($n: Long! = null) { block(number: $n) { number } }',
  '{ ...A }', '{ block { ...A } } fragment A on Transaction { hash }', 'fragment A on Query { chainID }',
  '{ ...A } fragment A on Nothing { x }', '{ ...A } fragment A on Long { x }', '{ block { ... on Long { x } } }',
  '{ ...A } fragment A on Query { ...A }', '{ ...A } fragment A on Query { ...B } fragment B on Query { ...A chainID }',
  '{ ...A } fragment A on Query { chainID } fragment A on Query { gasPrice }',
  '{ chainID } fragment A on Query { chainID }',
  '{ chainID } { gasPrice }', 'query A { chainID } query A { gasPrice }', '{ chainID } query B { gasPrice }',
  '{ chainID @nothing }', '{ chainID @skip }', '{ chainID @skip(if: 1) }', '{ chainID @skip(if: true) @skip(if: true) }',
  '{ chainID @deprecated }', 'query @skip(if: true) { chainID }', '{ chainID @include(if: true, also: 1) }',
  '{ a: chainID a: gasPrice }', '{ block(number: 1) { hash } block(number: 2) { hash } }',
  '{ block { a: number a: hash } }', '{ block { a: number } ...F } fragment F on Query { block { a: hash } }',
  'mutation { chainID }', 'mutation { sendRawTransaction }', '{ sendRawTransaction(data: "0x") }',
  'type A { b: Int }', '{ block { number } } schema { query: Query }', '{ f(a: 01) }', '{ "x" }', '{ a b: }',
  'query ($n: Long @nothing) { block(number: $n) { hash } }', '{ __type { name } }', '{ block { __schema { types { name } } } }',
  'query ($a: Long = $b, $b: Long) { block(number: $a) { hash } }', '{ block(number: {}) { hash } }',
];

const query_schema = await client_schema();

/// Why the reference implementation refuses a document, or null.
function reference_refusal(query) {
  try {
    const errors = validate(query_schema, parse(query));
    return errors.length > 0 ? errors[0].message : null;
  } catch (error) {
    return error.message;
  }
}

// What is told when a document is valid, but the request around it is not.
const request_errors = new RegExp('^(Variable "\\$\\w+" (got an invalid value|of required type .* was not provided)|' +
  'Must provide operation name|Unknown operation|Schema is not configured)');

/// Why weft refuses it, or null.
async function refusal(query, variables) {
  const { status, body } = await graphql(query, variables);
  if (status === 200) return null;
  assert.equal(status, 400, JSON.stringify(body));
  assert.ok(!('data' in body));
  return request_errors.test(body.errors[0].message) ? null : body.errors[0].message;
}

test('introspection gives a schema that the reference implementation finds valid', async () => {
  assert.deepEqual(validateSchema(query_schema), []);
  const { body } = await graphql(introspection_query);
  // The reference implementation tells the same of the schema that it built.
  const sorted = ({ __schema }) => ({
    ...__schema,
    types: __schema.types.toSorted((a, b) => (a.name < b.name ? -1 : 1)),
    directives: __schema.directives.toSorted((a, b) => (a.name < b.name ? -1 : 1)),
  });
  const again = graphqlSync({ schema: query_schema, source: introspection_query });
  const of_protocol = ({ name }) => !name.startsWith('__') && !['Int', 'Float', 'String', 'Boolean', 'ID'].includes(name);
  const ours = sorted(body.data);
  const theirs = sorted(JSON.parse(JSON.stringify(again.data)));
  assert.deepEqual(ours.types.filter(of_protocol), theirs.types.filter(of_protocol));
  assert.deepEqual(ours.directives, theirs.directives);
});

test('valid documents are valid, invalid ones are not', async () => {
  for (const query of valid) {
    assert.equal(reference_refusal(query), null, query);
    assert.equal(await refusal(query, { n: 0, f: {} }), null, query);
  }
  for (const query of invalid) {
    assert.notEqual(reference_refusal(query), null, query);
    assert.notEqual(await refusal(query), null, query);
  }
});

test('documents with a token changed are refused if the reference implementation refuses them', async (t) => {
  const seed = Number(process.env.SEED ?? 20_260_101);
  t.diagnostic(`SEED=${seed}`);
  let state = seed;
  const random = (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  const tokens_of = (query) => query.match(/"""[^]*?"""|"[^"]*"|\.\.\.|[A-Za-z_0-9.]+|[^\s,]/g);
  const pool = [...valid, ...invalid].flatMap((query) => tokens_of(query) ?? []);
  const class_of = (token) => (/^\w/.test(token) ? 'word' : token[0] === '"' ? 'text' : token);
  const queries = [];
  for (let i = 0; i < 600; ++i) {
    const tokens = tokens_of(valid[random(valid.length)]);
    for (let change = 0; change <= random(2); ++change) {
      const at = random(tokens.length);
      const kind = random(6);
      // Mostly a token of its kind, so that more than the parser is tried.
      const alike = pool.filter((token) => class_of(token) === class_of(tokens[at]));
      if (kind === 0) tokens.splice(at, 1);
      if (kind === 1) tokens.splice(at, 0, pool[random(pool.length)]);
      if (kind === 2) tokens[at] = pool[random(pool.length)];
      if (kind > 2) tokens[at] = alike[random(alike.length)];
    }
    queries.push(tokens.join(' '));
  }
  let refused = 0;
  for (const query of queries) {
    const theirs = reference_refusal(query);
    const ours = await refusal(query, { n: 0, f: {} });
    assert.equal(ours === null, theirs === null, `${query}\ntheirs: ${theirs}\nours: ${ours}`);
    if (theirs !== null) ++refused;
  }
  t.diagnostic(`${refused} of ${queries.length} refused`);
  assert.ok(refused > 100 && refused < queries.length);
});

test('a transaction is told as JSON-RPC tells it', async () => {
  const [from, to] = await rpc('eth_accounts');
  const hash = await rpc('eth_sendTransaction', { from, to, value: '0x5', gas: '0x5208' });
  const receipt = await receipt_of(hash);
  const tx = await rpc('eth_getTransactionByHash', hash);
  const block = await rpc('eth_getBlockByHash', receipt.blockHash, false);
  const { body } = await graphql(`query ($hash: Bytes32!) { transaction(hash: $hash) {
    hash nonce index type value gas gasPrice maxFeePerGas maxPriorityFeePerGas inputData status gasUsed cumulativeGasUsed
    effectiveGasPrice effectiveTip r s v yParity raw rawReceipt logs { index } createdContract { address }
    accessList { address } blobVersionedHashes from { address } to { address } block { number hash } } }`, { hash });
  assert.equal(body.errors, undefined, JSON.stringify(body.errors));
  const { effectiveTip: tip, raw, rawReceipt: raw_receipt, ...rest } = body.data.transaction;
  assert.deepEqual(rest, {
    hash, nonce: tx.nonce, index: tx.transactionIndex, type: tx.type, value: tx.value, gas: tx.gas,
    gasPrice: tx.gasPrice, maxFeePerGas: tx.maxFeePerGas, maxPriorityFeePerGas: tx.maxPriorityFeePerGas,
    inputData: '0x', status: '0x1', gasUsed: receipt.gasUsed, cumulativeGasUsed: receipt.cumulativeGasUsed,
    effectiveGasPrice: receipt.effectiveGasPrice, r: tx.r, s: tx.s, v: tx.v, yParity: tx.yParity, logs: [],
    createdContract: null, accessList: [], blobVersionedHashes: null, from: { address: from.toLowerCase() },
    to: { address: to.toLowerCase() }, block: { number: receipt.blockNumber, hash: receipt.blockHash },
  });
  assert.equal(BigInt(tip), BigInt(receipt.effectiveGasPrice) - BigInt(block.baseFeePerGas));
  assert.equal(raw, await rpc('eth_getRawTransactionByHash', hash));
  assert.equal(raw_receipt, (await rpc('debug_getRawReceipts', receipt.blockNumber))[Number(receipt.transactionIndex)]);
});

test('bombs are refused, by a limit that is named or by validation, at once', async () => {
  const doubling = Array.from({ length: 25 }, (_, i) =>
    `fragment F${i} on Block { a: parent { ${i === 24 ? 'number' : `...F${i + 1}`} } b: parent { ${
      i === 24 ? 'number' : `...F${i + 1}`} } }`).join(' ');
  const bombs = [
    [`{ ${Array.from({ length: 201 }, (_, i) => `a${i}: chainID`).join(' ')} }`, 'aliases_max'],
    [`{ block ${'{ parent '.repeat(100)}{ number }${' }'.repeat(101)}`, 'depth_max'],
    [`{ block { ...F0 } } ${doubling}`, 'fields_max'],
    ['{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }', 'within itself'],
    [`{ chainID ${'# '.repeat(40_000)}\n}`, 'document_bytes_max'],
    [`{ ${'chainID '.repeat(10_001).slice(0, 60_000)} }`, undefined],
    [`{ blocks(from: 0, to: 1000) { ${'transactions { logs { transaction { logs { transaction { hash } } } } }'} } }`,
      'cost_max'],
  ];
  for (const [query, what] of bombs) {
    const start = performance.now();
    const { status, body } = await graphql(query);
    assert.ok(performance.now() - start < 2_000, `${what} took ${performance.now() - start} ms`);
    if (what === undefined) continue;
    assert.equal(status, 400, JSON.stringify(body).slice(0, 300));
    assert.match(body.errors[0].message, new RegExp(what));
  }
  const topics = Array.from({ length: 50_000 }, () => [word]);
  const { body } = await graphql('query ($t: [[Bytes32!]!]) { logs(filter: {topics: $t}) { index } }', { t: topics });
  assert.ok(body.errors.length > 0);
});

test('HTTP is as GraphQL over HTTP says', async () => {
  const origin = 'http://localhost:3000';
  const get = await fetch(`${http_url}/graphql?query=${encodeURIComponent('{ chainID }')}`, { headers: { origin } });
  assert.equal(get.status, 200);
  assert.match(get.headers.get('content-type'), /^application\/json/);
  assert.ok(['*', origin].includes(get.headers.get('access-control-allow-origin')));
  assert.deepEqual(await get.json(), { data: { chainID: '0x7a69' } });
  const mutation = await fetch(`${http_url}/graphql?query=${encodeURIComponent('mutation { sendRawTransaction(data: "0x") }')}`);
  assert.equal(mutation.status, 405);
  assert.equal(mutation.headers.get('allow'), 'POST');
  const text = await fetch(`${http_url}/graphql`,
    { method: 'POST', headers: { 'content-type': 'application/graphql' }, body: '{ chainID }' });
  assert.deepEqual(await text.json(), { data: { chainID: '0x7a69' } });
  const batch = await fetch(`${http_url}/graphql`,
    { method: 'POST', headers: { 'content-type': 'application/json' }, body: '[{"query":"{ chainID }"}]' });
  assert.equal(batch.status, 400);
  const preflight = await fetch(`${http_url}/graphql`, { method: 'OPTIONS', headers: { origin,
    'access-control-request-method': 'POST', 'access-control-request-headers': 'content-type' } });
  assert.ok([200, 204].includes(preflight.status));
});
