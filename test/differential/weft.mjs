// weft's side: a program that answers lines with lines, in the order they came.

import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

export class Weft {
  constructor(program) {
    this.waiting = [];
    this.child = spawn(program, { stdio: ['pipe', 'pipe', 'inherit'] });
    this.child.on('exit', (code, signal) => {
      this.ended = `weft's side ended: ${signal ?? code}`;
      for (const { reject, request } of this.waiting.splice(0)) reject(new Error(`${this.ended}, asked ${request}`));
    });
    createInterface({ input: this.child.stdout, crlfDelay: Infinity }).on('line', (line) => {
      this.waiting.shift().resolve(line);
    });
  }

  text(request) {
    if (this.ended) return Promise.reject(new Error(this.ended));
    return new Promise((resolve, reject) => {
      this.waiting.push({ resolve, reject, request: request.slice(0, 200) });
      this.child.stdin.write(`${request}\n`);
    });
  }

  async ask(request) {
    const reply = JSON.parse(await this.text(request));
    if (reply.error) throw new Error(`${reply.error}, asked ${request.slice(0, 200)}`);
    return reply;
  }

  run(subject) { return this.ask(`run ${JSON.stringify(subject)}`); }
  trace(subject) { return this.ask(`trace ${JSON.stringify(subject)}`); }

  stop() {
    this.child.removeAllListeners('exit');
    this.child.stdin.end();
  }
}
