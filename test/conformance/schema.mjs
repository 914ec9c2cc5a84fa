// What OpenRPC says of a result, checked: as much of JSON Schema as the execution-apis specification uses.

const is_object = (value) => value !== null && typeof value === 'object' && !Array.isArray(value);

const types = {
  array: Array.isArray,
  boolean: (value) => typeof value === 'boolean',
  integer: Number.isInteger,
  null: (value) => value === null,
  number: (value) => typeof value === 'number',
  object: is_object,
  string: (value) => typeof value === 'string',
};

/// How many of several schemas a value is of, when that is not what it must be.
function alternatives(schemas, value, at, enough) {
  const wrong = schemas.map((schema) => violation(schema, value, at));
  const fitting = wrong.filter((each) => each === undefined).length;
  if (enough(fitting)) return undefined;
  return `${at}: of ${fitting} of ${schemas.length} alternatives (${wrong.find((each) => each !== undefined)})`;
}

function first(violations) {
  for (const each of violations) {
    const found = each();
    if (found !== undefined) return found;
  }
  return undefined;
}

/// Each says what is wrong with a value, or nothing; a keyword that is not here is an error of this program.
const keywords = {
  title: () => undefined,
  description: () => undefined,
  type: (type, value, at) => ([type].flat().some((name) => types[name](value)) ? undefined : `${at}: no ${type}`),
  enum: (values, value, at) => (values.includes(value) ? undefined : `${at}: not one of ${values}`),
  pattern: (pattern, value, at) =>
    (typeof value !== 'string' || new RegExp(pattern).test(value) ? undefined : `${at}: ${value} is not ${pattern}`),
  minimum: (least, value, at) => (typeof value !== 'number' || value >= least ? undefined : `${at}: below ${least}`),
  maximum: (most, value, at) => (typeof value !== 'number' || value <= most ? undefined : `${at}: above ${most}`),
  anyOf: (schemas, value, at) => alternatives(schemas, value, at, (count) => count > 0),
  oneOf: (schemas, value, at) => alternatives(schemas, value, at, (count) => count === 1),
  allOf: (schemas, value, at) => alternatives(schemas, value, at, (count) => count === schemas.length),
  items: (schema, value, at) =>
    (Array.isArray(value) ? first(value.map((item, i) => () => violation(schema, item, `${at}[${i}]`))) : undefined),
  required: (names, value, at) => {
    const missing = is_object(value) ? names.find((name) => !Object.hasOwn(value, name)) : undefined;
    return missing === undefined ? undefined : `${at}.${missing}: not there`;
  },
  properties: (schemas, value, at) => (is_object(value)
    ? first(Object.keys(schemas).filter((name) => Object.hasOwn(value, name))
      .map((name) => () => violation(schemas[name], value[name], `${at}.${name}`)))
    : undefined),
  additionalProperties: (schema, value, at, whole) => (is_object(value)
    ? first(Object.keys(value).filter((name) => !Object.hasOwn(whole.properties ?? {}, name))
      .map((name) => () => violation(schema, value[name], `${at}.${name}`)))
    : undefined),
};

/// What is wrong with a value by a schema; undefined if nothing.
export function violation(schema, value, at = 'result') {
  if (schema === true) return undefined;
  if (schema === false) return `${at}: must not be there`;
  return first(Object.entries(schema).map(([keyword, argument]) => () => {
    if (!Object.hasOwn(keywords, keyword)) throw new Error(`schema.mjs doesn't know the keyword ${keyword}`);
    return keywords[keyword](argument, value, at, schema);
  }));
}
