// A program for Linux on x86-64 that sends frames through a packet socket: for guests that have no other way to do it.
// Written by hand, since neither test machine nor guest has a compiler; it is some hundred octets and the frames.

const BASE = 0x400000;
const HEADERS = 64 + 56;

const u16 = (value: number) => {
  const octets = Buffer.alloc(2);
  octets.writeUInt16LE(value);
  return octets;
};
const u32 = (value: number) => {
  const octets = Buffer.alloc(4);
  octets.writeUInt32LE(value);
  return octets;
};
const u64 = (value: number) => {
  const octets = Buffer.alloc(8);
  octets.writeBigUInt64LE(BigInt(value));
  return octets;
};
const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex');

/** socket(AF_PACKET, SOCK_RAW, 0), then sendto() for each frame until a length of zero, then exit(0). */
function code(frames: number, address: number): Buffer {
  const begin = Buffer.concat([
    // edi 17, esi 3, edx 0, eax 41: socket; r12 keeps its descriptor.
    hex('bf11000000 be03000000 31d2 b829000000 0f05 4989c4'),
    // rbx is where the next frame is.
    hex('48bb'),
    u64(frames),
  ]);
  const send = Buffer.concat([
    // rbx past the length, rsi the frame, rbx the next; edi descriptor, r10 no flags.
    hex('4883c302 4889de 4801d3 4489e7 4531d2'),
    // r8 and r9 the address, 20 octets; eax 44: sendto.
    hex('49b8'),
    u64(address),
    hex('41b914000000 b82c000000 0f05'),
  ]);
  // edx the length at rbx; leave if it is zero.
  const head = Buffer.concat([hex('0fb713 85d2 74'), Buffer.of(send.length + 2)]);
  const back = Buffer.of(0xeb, 256 - (head.length + send.length + 2));
  return Buffer.concat([begin, head, send, back, hex('31ff b83c000000 0f05')]);
}

/** An ELF file that sends these frames in order from the interface with that index. */
export function frameSender(interfaceIndex: number, frames: readonly Buffer[]): Buffer {
  const size = code(0, 0).length;
  // struct sockaddr_ll; the frames bring their own addresses.
  const address = Buffer.concat([u16(17), u16(0), u32(interfaceIndex), Buffer.alloc(12)]);
  const data = Buffer.concat([...frames.flatMap((frame) => [u16(frame.length), frame]), u16(0)]);
  const start = BASE + HEADERS;
  const program = Buffer.concat([code(start + size + address.length, start + size), address, data]);
  const total = HEADERS + program.length;
  const elf = Buffer.concat([
    // 64 bit, little-endian, executable for x86-64; one program header right behind this one.
    hex('7f454c46 02010100 0000000000000000 0200 3e00 01000000'),
    ...[u64(start), u64(64), u64(0), u32(0), u16(64), u16(56), u16(1), u16(0), u16(0), u16(0)],
    // Everything is loaded, readable and executable.
    ...[u32(1), u32(5), u64(0), u64(BASE), u64(BASE), u64(total), u64(total), u64(4096)],
  ]);
  return Buffer.concat([elf, program]);
}
