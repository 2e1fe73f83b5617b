// CRC-32 (ISO 3309), which finds accidents. Node's zlib computes it with instructions made for it. Elsewhere eight tables
// take eight bytes a step.

type Crc32 = (bytes: Uint8Array, before: number) => number;

let best: Crc32 | undefined;

/** The CRC-32 of `bytes`, behind bytes whose CRC-32 is `before`. */
export function crc32(bytes: Uint8Array, before = 0): number {
  best ??= fromZlib() ?? crc32ByTables;
  return best(bytes, before);
}

/** An import would keep browsers from loading the file. The function came with Node 20.15 and 22.2. */
function fromZlib(): Crc32 | undefined {
  const { process } = globalThis as { process?: { getBuiltinModule?(id: string): { crc32?: Crc32 } | undefined } };
  const found = process?.getBuiltinModule?.('node:zlib')?.crc32;
  return typeof found === 'function' ? found : undefined;
}

/** tables[n · 256 + b]: what byte b does to the CRC when n more bytes follow it. */
let tables: Int32Array | undefined;

function makeTables(): Int32Array {
  const made = new Int32Array(8 * 256);
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc & 1 ? 0xedb88320 : 0) ^ (crc >>> 1);
    made[byte] = crc;
  }
  for (let i = 256; i < made.length; i++) {
    const crc = made[i - 256] as number;
    made[i] = (made[crc & 255] as number) ^ (crc >>> 8);
  }
  return made;
}

/** The same without zlib: slicing by eight (Kounavis and Berry, 2005). */
export function crc32ByTables(bytes: Uint8Array, before: number): number {
  tables ??= makeTables();
  const table = tables;
  let crc = ~before;
  let i = 0;
  for (; i + 8 <= bytes.length; i += 8) {
    crc ^= (bytes[i] as number) | ((bytes[i + 1] as number) << 8);
    crc ^= ((bytes[i + 2] as number) << 16) | ((bytes[i + 3] as number) << 24);
    crc =
      (table[1792 + (crc & 255)] as number) ^
      (table[1536 + ((crc >>> 8) & 255)] as number) ^
      (table[1280 + ((crc >>> 16) & 255)] as number) ^
      (table[1024 + (crc >>> 24)] as number) ^
      (table[768 + (bytes[i + 4] as number)] as number) ^
      (table[512 + (bytes[i + 5] as number)] as number) ^
      (table[256 + (bytes[i + 6] as number)] as number) ^
      (table[bytes[i + 7] as number] as number);
  }
  for (; i < bytes.length; i++) crc = (table[(crc ^ (bytes[i] as number)) & 255] as number) ^ (crc >>> 8);
  return ~crc >>> 0;
}
