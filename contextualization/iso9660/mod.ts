// The ISO writer by itself: an image from files and buffers, without a process and without a temporary tree.
export { ContextError as IsoError, type ContextErrorCode as IsoErrorCode } from '../errors.ts';
export { contentSize, type Medium, type MediumFile } from '../medium.ts';
export { type Layout, layOut } from './layout.ts';
export { imagePieces } from './stream.ts';
export { removeIso, type WriteOptions, writeIso } from './write.ts';
