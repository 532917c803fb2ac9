import { existsSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { run, start } from './spawn.js';

const node = process.execPath;
/** A zombie that nobody has collected yet is dead. */
const alive = (pid: number): boolean => {
  const file = `/proc/${pid}/stat`;
  return existsSync(file) && !/^\d+ \(.*\) [ZX]/.test(readFileSync(file, 'utf8'));
};
const script = (text: string): string[] => ['-e', text];

describe('run', { timeout: 20_000 }, () => {
  it('gives code, output and time as a value', async () => {
    const result = await run(node, script('console.log("out"); console.error("err"); process.exit(3)'), {
      timeout_ms: 10_000,
    });
    expect(result).toMatchObject({ code: 3, signal: null, stdout: 'out\n', stderr: 'err\n', timedOut: false });
    expect(result.ms).toBeGreaterThan(0);
  });

  it('hands arguments over as they are: nothing reaches a shell', async () => {
    const nasty = '; echo pwned $(id) `id` "\' \n *';
    const result = await run(node, ['-e', 'process.stdout.write(process.argv[1])', nasty], { timeout_ms: 10_000 });
    expect(result.stdout).toBe(nasty);
  });

  it('says why a program could not be started', async () => {
    const result = await run('/nonexistent/program', [], { timeout_ms: 1_000 });
    expect(result).toMatchObject({ code: null, failedToStart: 'ENOENT', timedOut: false });
  });

  it('feeds standard input, and survives a program that does not read it', async () => {
    const echo = await run(node, script('process.stdin.pipe(process.stdout)'), { timeout_ms: 10_000, stdin: 'a\0b' });
    expect(echo.stdout).toBe('a\0b');
    const deaf = await run('/bin/true', [], { timeout_ms: 10_000, stdin: 'x'.repeat(1 << 20) });
    expect(deaf.code).toBe(0);
  });

  it('keeps the first bytes of endless output and still lets the program end', async () => {
    const result = await run(node, script('process.stdout.write("x".repeat(1e6))'), {
      timeout_ms: 10_000,
      output_bytes_max: 100,
    });
    expect(result.code).toBe(0);
    expect(result.stdout).toBe('x'.repeat(100));
  });

  it('ends a program at its limit, with SIGKILL if SIGTERM is ignored', async () => {
    const soft = await run('/bin/sleep', ['60'], { timeout_ms: 100 });
    expect(soft).toMatchObject({ code: null, signal: 'SIGTERM', timedOut: true });
    const stubborn = await run(node, script('process.on("SIGTERM",()=>{});setInterval(()=>{},1e3)'), {
      timeout_ms: 700,
      kill_after_ms: 100,
    });
    expect(stubborn).toMatchObject({ code: null, signal: 'SIGKILL', timedOut: true });
  });

  it('ends what the program started, too', async () => {
    const child = "const c=require('child_process').spawn('/bin/sleep',['61'],{stdio:'inherit'});console.log(c.pid)";
    const result = await run(node, script(child), { timeout_ms: 2_000 });
    const grandchild = Number(result.stdout);
    expect(grandchild, 'it told its child’s id before the limit').toBeGreaterThan(1);
    // A dying process closes its pipes, which is what `run` waits for, a moment before it counts as dead. It sleeps for
    // 61 s, so that within 2 s only a kill explains its end.
    for (let tries = 0; tries < 100 && alive(grandchild); tries++) await sleep(20);
    expect(alive(grandchild), 'the child of the child lives').toBe(false);
  });

  it('ends on an abort, before or after the start, and does not call it a time-out', async () => {
    const before = await run('/bin/sleep', ['60'], { timeout_ms: 10_000, signal: AbortSignal.abort() });
    expect(before).toMatchObject({ signal: 'SIGTERM', timedOut: false });
    const controller = new AbortController();
    const after = run('/bin/sleep', ['60'], { timeout_ms: 10_000, signal: controller.signal });
    controller.abort();
    expect(await after).toMatchObject({ signal: 'SIGTERM', timedOut: false });
  });

  it('does not hand this process’s environment down', async () => {
    process.env.AXLE_SECRET_FOR_TEST = 'secret';
    const result = await run(node, script('console.log(process.env.AXLE_SECRET_FOR_TEST)'), { timeout_ms: 10_000 });
    delete process.env.AXLE_SECRET_FOR_TEST;
    expect(result.stdout).toBe('undefined\n');
  });
});

describe('start', { timeout: 20_000 }, () => {
  it('talks with a live child and tells output as it comes', async () => {
    const child = start(node, script('process.stdin.pipe(process.stdout)'), { timeout_ms: 10_000 });
    const heard = new Promise<string>((resolve) => child.onOutput((_stream, text) => resolve(text)));
    child.write('ping');
    expect(await heard).toBe('ping');
    expect(child.running).toBe(true);
    child.end('!');
    expect(await child.exited).toMatchObject({ code: 0, stdout: 'ping!' });
    expect(child.running).toBe(false);
    child.kill();
  });
});
