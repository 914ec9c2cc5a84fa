// GraphQL as its reference implementation has it: the schema that a server tells of, with scalars as strict as its own.
import { GraphQLError, buildClientSchema, getIntrospectionQuery, valueFromASTUntyped } from 'graphql';
import { http_url } from './rpc.mjs';

export const introspection_query = getIntrospectionQuery({
  specifiedByUrl: true, directiveIsRepeatable: true, schemaDescription: true, inputValueDeprecation: true,
});

/// Sends one operation; gives {status, headers, body}.
export async function graphql(query, variables, headers = {}) {
  const response = await fetch(`${http_url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/graphql-response+json', ...headers },
    body: JSON.stringify({ query, variables }),
    signal: AbortSignal.timeout(30_000),
  });
  return { status: response.status, headers: response.headers, body: await response.json() };
}

const bytes = (size) => (value) =>
  typeof value === 'string' && /^0x([0-9a-fA-F]{2})*$/.test(value) && (!size || value.length === 2 + 2 * size);
const number = (bits) => (value) => {
  if (typeof value !== 'string' || !/^([0-9]+|0x[0-9a-fA-F]+)$/.test(value)) return false;
  return BigInt(value) < 1n << BigInt(bits);
};
const scalars = { Bytes32: bytes(32), Address: bytes(20), Bytes: bytes(), BigInt: number(256), Long: number(64) };

/// The schema of the server, whose scalars refuse what EIP-1767 says they must.
export async function client_schema() {
  const { body } = await graphql(introspection_query);
  const schema = buildClientSchema(body.data);
  for (const [name, is_good] of Object.entries(scalars)) {
    const text_kinds = name === 'Long' || name === 'BigInt' ? ['IntValue', 'StringValue'] : ['StringValue'];
    schema.getType(name).parseLiteral = (node) => {
      if (!text_kinds.includes(node.kind) || !is_good(node.value)) throw new GraphQLError(`${name}: bad literal`);
      return valueFromASTUntyped(node);
    };
  }
  return schema;
}
