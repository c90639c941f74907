// How requests are signed. `crypto.subtle` is there only in a secure context (https, or this very machine); a sandbox on
// another machine speaks plain http, so the two hashes (FIPS 180-4) are here as well.
"use strict";

const signing = (() => {
  // Everything about the two hashes follows from the size of their words and these rotations.
  const SHA_256 = {
    name: "SHA-256", bits: 32n, rounds: 64,
    sums: [[2n, 13n, 22n], [6n, 11n, 25n]], mixes: [[7n, 18n, 3n], [17n, 19n, 10n]],
  };
  const SHA_512 = {
    name: "SHA-512", bits: 64n, rounds: 80,
    sums: [[28n, 34n, 39n], [14n, 18n, 41n]], mixes: [[1n, 8n, 7n], [19n, 61n, 6n]],
  };

  const blockBytes = (hash) => Number(hash.bits) * 2;

  // The greatest whole number whose power of this degree is at most `value`.
  const root = (value, degree) => {
    let low = 0n;
    let high = 1n << 80n;
    while (low < high) {
      const middle = (low + high + 1n) / 2n;
      if (middle ** degree <= value) low = middle;
      else high = middle - 1n;
    }
    return low;
  };

  const firstPrimes = (count) => {
    const primes = [];
    for (let n = 2; primes.length < count; n += 1) {
      if (primes.every((prime) => n % prime !== 0)) primes.push(n);
    }
    return primes.map(BigInt);
  };

  // The first bits behind the point of the root of each prime: where both hashes take their constants from.
  const fractions = (count, degree, bits) =>
    firstPrimes(count).map((prime) => BigInt.asUintN(64, root(prime << (64n * degree), degree)) >> (64n - bits));

  const padded = (bytes, hash) => {
    const block = blockBytes(hash);
    const lengthBytes = block / 8;
    const size = Math.ceil((bytes.length + 1 + lengthBytes) / block) * block;
    const message = new Uint8Array(size);
    message.set(bytes);
    message[bytes.length] = 0x80;
    let bits = BigInt(bytes.length) * 8n;
    for (let at = size - 1; bits > 0n; at -= 1, bits >>= 8n) message[at] = Number(bits & 0xffn);
    return message;
  };

  const ownDigest = (hash, bytes) => {
    const word = (value) => BigInt.asUintN(Number(hash.bits), value);
    const turn = (value, by) => word((value >> by) | (value << (hash.bits - by)));
    const sum = (value, [a, b, c]) => turn(value, a) ^ turn(value, b) ^ turn(value, c);
    const mix = (value, [a, b, c]) => turn(value, a) ^ turn(value, b) ^ (value >> c);
    const constants = fractions(hash.rounds, 3n, hash.bits);
    const state = fractions(8, 2n, hash.bits);
    const wordBytes = Number(hash.bits) / 8;
    const message = padded(bytes, hash);
    for (let start = 0; start < message.length; start += blockBytes(hash)) {
      const schedule = [];
      for (let t = 0; t < hash.rounds; t += 1) {
        if (t < 16) {
          const at = start + t * wordBytes;
          schedule.push(message.subarray(at, at + wordBytes).reduce((value, byte) => (value << 8n) | BigInt(byte), 0n));
        } else {
          schedule.push(word(
            mix(schedule[t - 2], hash.mixes[1]) + schedule[t - 7] + mix(schedule[t - 15], hash.mixes[0]) + schedule[t - 16],
          ));
        }
      }
      let [a, b, c, d, e, f, g, h] = state;
      for (let t = 0; t < hash.rounds; t += 1) {
        const choice = (e & f) ^ (word(~e) & g);
        const majority = (a & b) ^ (a & c) ^ (b & c);
        const first = h + sum(e, hash.sums[1]) + choice + constants[t] + schedule[t];
        [a, b, c, d, e, f, g, h] = [word(first + sum(a, hash.sums[0]) + majority), a, b, c, word(d + first), e, f, g];
      }
      [a, b, c, d, e, f, g, h].forEach((value, i) => { state[i] = word(state[i] + value); });
    }
    const digest = new Uint8Array(8 * wordBytes);
    state.forEach((value, i) => {
      for (let j = 0; j < wordBytes; j += 1) {
        digest[i * wordBytes + j] = Number((value >> BigInt(8 * (wordBytes - 1 - j))) & 0xffn);
      }
    });
    return digest;
  };

  const subtle = globalThis.crypto?.subtle;

  const digest = async (hash, bytes) =>
    subtle ? new Uint8Array(await subtle.digest(hash.name, bytes)) : ownDigest(hash, bytes);

  const joined = (...parts) => Uint8Array.from(parts.flatMap((part) => [...part]));

  const hmac = async (hash, key, bytes) => {
    const block = new Uint8Array(blockBytes(hash));
    block.set(key.length > block.length ? await digest(hash, key) : key);
    const inner = await digest(hash, joined(block.map((byte) => byte ^ 0x36), bytes));
    return digest(hash, joined(block.map((byte) => byte ^ 0x5c), inner));
  };

  const utf8 = (text) => {
    const escaped = encodeURIComponent(text.toWellFormed ? text.toWellFormed() : text);
    const binary = escaped.replace(/%(..)/g, (_, hex) => String.fromCharCode(parseInt(hex, 16)));
    return Uint8Array.from(binary, (char) => char.charCodeAt(0));
  };

  const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

  const BASE_64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const base64 = (bytes) => {
    let text = "";
    for (let i = 0; i < bytes.length; i += 3) {
      const [a, b = 0, c = 0] = bytes.subarray(i, i + 3);
      const group = (a << 16) | (b << 8) | c;
      const digits = [18, 12, 6, 0].map((shift) => BASE_64[(group >> shift) & 63]).join("");
      const missing = Math.max(0, i + 3 - bytes.length);
      text += digits.slice(0, 4 - missing) + "=".repeat(missing);
    }
    return text;
  };

  return {
    // The `merchantToken`: SHA-256 of the values and the key, with nothing between them.
    merchantToken: async (values, key) => hex(await digest(SHA_256, utf8(values.join("") + key))),
    // The `X-SIGNATURE` of a store request.
    storeSignature: async (secret, path, body, timestamp) => {
      const bodyHash = hex(await digest(SHA_256, utf8(body)));
      return base64(await hmac(SHA_512, utf8(secret), utf8(`POST:${path}::${bodyHash}:${timestamp}`)));
    },
  };
})();
