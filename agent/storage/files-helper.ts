// The child side of RemoteFiles: carries file operations out for one pool, where hanging hurts nobody.
import { fileOperations } from './files.ts';

interface Request {
  id: number;
  name: keyof typeof fileOperations;
  args: unknown[];
}

process.on('message', ({ id, name, args }: Request) => {
  const operation = fileOperations[name] as (...args: unknown[]) => Promise<unknown>;
  operation(...args).then(
    (value) => process.send?.({ id, value }),
    (error: NodeJS.ErrnoException) =>
      process.send?.({ id, error: { message: error.message, code: error.code } }),
  );
});
// The agent is gone: nothing is left to do, not even for an operation that hangs.
process.on('disconnect', () => process.exit());
process.send?.({ ready: true });
