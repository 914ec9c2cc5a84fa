// Makes a case smaller as long as it still shows what it was found for.

const attempts_max = 1500;

/**
 * @param subject  the case.
 * @param shows    whether a case still does; asked at most attempts_max times.
 */
export async function shrink(subject, shows) {
  let best = structuredClone(subject);
  let attempts = 0;
  const attempt = async (change) => {
    if (++attempts > attempts_max) return false;
    const candidate = structuredClone(best);
    if (change(candidate) === false) return false;
    if (JSON.stringify(candidate) === JSON.stringify(best)) return false;
    let still = false;
    try {
      still = await shows(candidate);
    } catch {
      // A candidate that one side can't even read is no candidate.
    }
    if (still) best = candidate;
    return still;
  };
  for (let before = ''; before !== JSON.stringify(best) && attempts < attempts_max;) {
    before = JSON.stringify(best);
    for (const address of Object.keys(best.pre)) await attempt((c) => void delete c.pre[address]);
    await shrink_transaction(() => best, attempt);
    for (const address of Object.keys(best.pre)) {
      await attempt((c) => void (c.pre[address].storage = {}));
      for (const key of Object.keys(best.pre[address].storage))
        await attempt((c) => void delete c.pre[address].storage[key]);
      await shrink_bytes(() => best.pre[address].code, (code) => attempt((c) => void (c.pre[address].code = code)));
    }
  }
  return best;
}

async function shrink_transaction(best, attempt) {
  for (const change of [
    (t) => void (t.value[0] = '0x0'),
    (t) => void (t.data[0] = '0x'),
    (t) => void (t.accessLists &&= [[]]),
    (t) => void (t.gasLimit[0] = '0x30d40'),
    (t) => void (delete t.blobVersionedHashes, delete t.maxFeePerBlobGas),
    (t) => void delete t.authorizationList,
  ]) await attempt((c) => change(c.transaction));
  for (let i = (best().transaction.authorizationList ?? []).length - 1; i >= 0; --i)
    await attempt((c) => void c.transaction.authorizationList?.splice(i, 1));
  for (let i = (best().transaction.accessLists?.[0] ?? []).length - 1; i >= 0; --i)
    await attempt((c) => void c.transaction.accessLists[0].splice(i, 1));
  await shrink_bytes(() => best().transaction.data[0], (data) => attempt((c) => void (c.transaction.data[0] = data)));
}

/** Cuts stretches out, or, where offsets must stay, makes JUMPDESTs of them. */
async function shrink_bytes(get, set) {
  for (let size = 1 << Math.floor(Math.log2(Math.max(1, length(get())))); size >= 1; size >>= 1) {
    for (let at = Math.max(0, length(get()) - size); at >= 0; at -= size) {
      const text = get();
      const [head, tail] = [text.slice(0, 2 + 2 * at), text.slice(2 + 2 * (at + size))];
      if (await set(head + tail)) continue;
      const blank = '5b'.repeat(Math.min(size, length(text) - at));
      if (text.slice(2 + 2 * at, 2 + 2 * (at + size)) !== blank) await set(head + blank + tail);
    }
  }
}

const length = (text) => (text.length - 2) / 2;
