// What a client found: each check by name, passed, failed or skipped with its reason. The counterpart of checks.py.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export class Checks {
  constructor(client, version) {
    Object.assign(this, { client, version, found: [] });
    console.log(`--- ${client} ${version}`);
  }

  /** Runs a check. An error fails it, and the ones after it run all the same. */
  async check(name, run) {
    try {
      await run();
      this.note(name, 'passed');
    } catch (error) {
      const said = error.response?.data ? ` ${JSON.stringify(error.response.data)}` : '';
      const place = /(\w+\.mjs:\d+)/.exec((error.stack ?? '').split('\n').slice(1).find((line) => line.includes('with_')) ?? '');
      this.note(name, 'failed', `${error.message}${said}  [${place?.[1] ?? ''}]`);
    }
  }

  note(name, outcome, detail = '') {
    this.found.push({ name, outcome, detail });
    console.log(`  ${outcome.padEnd(7)} ${name}${detail ? `\n          ${detail.slice(0, 1500)}` : ''}`);
  }

  skip(name, reason) {
    this.note(name, 'skipped', reason);
  }

  /** Writes what was found, and sets the exit code: 1 if anything failed. */
  end() {
    const folder = join(process.env.INTEROP_WORK, 'found');
    mkdirSync(folder, { recursive: true });
    const { client, version, found } = this;
    writeFileSync(join(folder, `${client}.json`), JSON.stringify({ client, version, checks: found }, null, 1));
    process.exitCode = found.some((check) => check.outcome === 'failed') ? 1 : 0;
  }
}

/** Fails unless both say the same as JSON. */
export function same(found, wanted, what = 'value') {
  const [left, right] = [JSON.stringify(found), JSON.stringify(wanted)];
  if (left !== right) throw new Error(`${what}: ${left} instead of ${right}`);
}

/** Fails unless the condition holds. */
export function holds(condition, what) {
  if (!condition) throw new Error(what);
}
