#!/usr/bin/env node
/** The `axle` command. Exit codes: 0 done, 1 something broke, 2 wrong usage or a config with mistakes. */
import { outliveReaders } from './output.js';
import { buildProgram, runProgram } from './program.js';

outliveReaders();
process.exitCode = await runProgram(buildProgram(), process.argv);
