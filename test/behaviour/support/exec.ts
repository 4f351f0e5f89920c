// Becomes the program that is given with its arguments: what starts and ends programs of ours can then start and end any.
const [program = "", ...args] = process.argv.slice(2);
process.execve?.(program, [program, ...args], process.env as Record<string, string>);
