// Asks the machine what it is made of, in a thread of its own: some answers are read synchronously, by programs.
import { readdir, readFile } from 'node:fs/promises';
import { parentPort } from 'node:worker_threads';
import { bios, cpu, diskLayout, memLayout, osInfo, system } from 'systeminformation';
import type { MachineInventory } from './machine.ts';

/** Longest text taken from firmware, which may say anything. */
const LONGEST_TEXT = 128;
const MOST = 256;
const NICS = '/sys/class/net';

const text = (given: string | undefined | null) => {
  const clean = (given ?? '').replace(/[^\x20-\x7e\u00a0-\uffff]/g, '').trim();
  // What firmware says when nobody has told it anything.
  return /^(-|unknown|default string|not specified|to be filled by o\.e\.m\.)$/i.test(clean)
    ? ''
    : clean.slice(0, LONGEST_TEXT);
};

/** Physical ones only: bridges, taps and the like have no device, and there may be thousands. */
async function nics(): Promise<MachineInventory['nics']> {
  const names = await readdir(NICS).catch(() => []);
  const found = await Promise.all(
    names.map(async (name) => {
      const parts = await readdir(`${NICS}/${name}/device`).catch(() => undefined);
      if (!parts) return [];
      const told = async (file: string) =>
        text(await readFile(`${NICS}/${name}/${file}`, 'utf8').catch(() => ''));
      const speed = Number(await told('speed'));
      return [
        { name: text(name), mac: await told('address'), ...(speed > 0 ? { megabitsPerSecond: speed } : {}) },
      ];
    }),
  );
  return found.flat().slice(0, MOST);
}

async function inventory(): Promise<MachineInventory> {
  const [machine, firmware, processor, memory, disks, os, cards] = await Promise.all([
    system(),
    bios(),
    cpu(),
    memLayout(),
    diskLayout(),
    osInfo(),
    nics(),
  ]);
  return {
    manufacturer: text(machine.manufacturer),
    model: text(machine.model),
    serial: text(machine.serial),
    firmware: text([firmware.vendor, firmware.version, firmware.releaseDate].filter(Boolean).join(' ')),
    operatingSystem: text([os.distro, os.release].filter(Boolean).join(' ')),
    processor: {
      name: text(`${processor.manufacturer} ${processor.brand}`),
      sockets: processor.processors,
      cores: processor.physicalCores,
      threads: processor.cores,
      flags: processor.flags.split(' ').map(text).filter(Boolean).slice(0, MOST),
    },
    memory: memory.slice(0, MOST).map(({ size, type, clockSpeed, bank }) => ({
      bytes: size,
      type: text(type),
      bank: text(bank),
      ...(clockSpeed ? { megahertz: clockSpeed } : {}),
    })),
    disks: disks.slice(0, MOST).map(({ device, name, type, size }) => ({
      device: text(device),
      name: text(name),
      type: text(type),
      bytes: size,
    })),
    nics: cards,
  };
}

parentPort!.postMessage(await inventory());
