// fhir-kit-client: the JavaScript client of Vermonster.
import { createHash, createPrivateKey, createPublicKey, randomUUID, sign } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from 'fhir-kit-client';
import { Checks, holds, same } from './checks.mjs';

const { INTEROP_FHIR: baseUrl, INTEROP_WORK: work } = process.env;
const { version } = JSON.parse(readFileSync(new URL('node_modules/fhir-kit-client/package.json', import.meta.url)));
const checks = new Checks('fhir-kit-client', version);
const client = new Client({ baseUrl });
const nobody = '00000000-0000-4000-8000-000000000000';
const identifiers = 'urn:example:interop';
const name = `KIT-${randomUUID()}`;
const known = {};

const patient = (value, family = 'Synthetic') => ({
  resourceType: 'Patient',
  identifier: [{ system: identifiers, value }],
  name: [{ family, given: ['Robin'] }],
  gender: 'female',
  birthDate: '1961-04-02',
});
const journey = () => {
  const bundle = JSON.parse(readFileSync(join(work, 'journey.json')));
  bundle.entry.find((one) => one.resource.resourceType === 'Patient').resource.identifier[0].value = `KIT-${randomUUID()}`;
  return bundle;
};

/** The status and the outcome that a request is refused with. */
async function refused(asked) {
  try {
    await asked;
  } catch (error) {
    if (!error.response) throw error;
    return { status: error.response.status, outcome: error.response.data };
  }
  throw new Error('was answered');
}

const places = (outcome) => outcome.issue.flatMap((issue) => issue.expression ?? []).sort();

/** Proof of who the system is: a JWT signed with its private key. */
function assertion(audience) {
  const key = createPrivateKey(readFileSync(join(work, 'interop.ES384.pem')));
  const { crv, kty, x, y } = createPublicKey(key).export({ format: 'jwk' });
  const kid = createHash('sha256').update(JSON.stringify({ crv, kty, x, y })).digest('base64url');
  const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const exp = Math.floor(Date.now() / 1000) + 240;
  const text = `${part({ alg: 'ES384', typ: 'JWT', kid })}.${part({ iss: 'interop', sub: 'interop', aud: audience, exp, jti: randomUUID() })}`;
  return `${text}.${sign('sha384', Buffer.from(text), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`;
}

await checks.check('reads the CapabilityStatement', async () => {
  const statement = await client.capabilityStatement();
  same([statement.resourceType, statement.fhirVersion], ['CapabilityStatement', '4.0.1']);
  known.statement = statement.rest[0];
});

await checks.check('finds the token endpoint, and is given a token for a private key', async () => {
  const { tokenUrl } = await client.smartAuthMetadata();
  const form = new URLSearchParams({
    grant_type: 'client_credentials',
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    client_assertion: assertion(tokenUrl.href),
    scope: 'system/*.cruds',
  });
  const answer = await fetch(tokenUrl, { method: 'POST', body: form });
  const told = await answer.json();
  same([answer.status, told.token_type, told.scope], [200, 'bearer', 'system/*.cruds'], 'answer');
  client.bearerToken = told.access_token;
});

await checks.check('creates, reads, updates and patches a patient', async () => {
  const made = await client.create({ resourceType: 'Patient', body: patient(name, 'Before') });
  known.patient = made.id;
  same(Client.httpFor(made).response.headers.get('etag'), 'W/"1"');
  const read = await client.read({ resourceType: 'Patient', id: made.id });
  read.name[0].family = 'After';
  const options = { headers: { 'If-Match': `W/"${read.meta.versionId}"` } };
  same((await client.update({ resourceType: 'Patient', id: made.id, body: read, options })).meta.versionId, '2');
  const jsonPatch = [{ op: 'replace', path: '/name/0/family', value: 'Patched' }];
  same((await client.patch({ resourceType: 'Patient', id: made.id, jsonPatch })).name[0].family, 'Patched');
});

await checks.check('reads a version and the history', async () => {
  const first = await client.vread({ resourceType: 'Patient', id: known.patient, version: '1' });
  same(first.name[0].family, 'Before');
  const history = await client.history({ resourceType: 'Patient', id: known.patient });
  same(history.entry.map((one) => one.resource.name[0].family), ['Patched', 'After', 'Before']);
});

await checks.check('is told that another version is current', async () => {
  const body = { ...patient(name, 'Late'), id: known.patient };
  const { status } = await refused(client.update({ resourceType: 'Patient', id: known.patient, body, options: { headers: { 'If-Match': 'W/"1"' } } }));
  same(status, 412);
});

await checks.check('creates conditionally', async () => {
  const options = { headers: { 'If-None-Exist': `identifier=${identifiers}|${name}` } };
  const found = await client.create({ resourceType: 'Patient', body: patient(name), options });
  same([Client.httpFor(found).response.status, found.id], [200, known.patient]);
});

await checks.check('updates conditionally', async () => {
  const asked = (value) => client.update({ resourceType: 'Patient', searchParams: { identifier: `${identifiers}|${value}` }, body: patient(value, 'Found') });
  same((await asked(name)).id, known.patient);
  same(Client.httpFor(await asked(`${name}-2`)).response.status, 201);
});

await checks.check('gets back what it prefers', async () => {
  const create = (value, preferred) => client.create({ resourceType: 'Patient', body: patient(value), options: { headers: { Prefer: `return=${preferred}` } } });
  same(Object.keys(await create(`${name}-3`, 'minimal')), [], 'minimal');
  same((await create(`${name}-4`, 'OperationOutcome')).resourceType, 'OperationOutcome');
});

await checks.check('asks whether a resource would be taken', async () => {
  const fine = await client.operation({ name: 'validate', resourceType: 'Patient', input: patient(`${name}-5`) });
  same(fine.issue[0].severity, 'information');
  const wrong = await client.operation({ name: '$validate', resourceType: 'Patient', input: { ...patient(`${name}-5`), gender: 'f' } });
  same(places(wrong), ['Patient.gender']);
});

await checks.check('records a transaction', async () => {
  const answer = await client.transaction({ body: journey() });
  same([answer.type, ...new Set(answer.entry.map((one) => one.response.status.slice(0, 3)))], ['transaction-response', '201']);
  const made = (kind) => answer.entry.map((one) => one.response.location).filter((place) => place.startsWith(`${kind}/`)).map((place) => place.split('/')[1]);
  Object.assign(known, { person: made('Patient')[0], scores: made('Observation'), blocks: made('Procedure') });
});

await checks.check('resolves references', async () => {
  const context = await client.read({ resourceType: 'Procedure', id: known.blocks[0] });
  same((await client.resolve({ reference: context.subject.reference, context })).id, known.person);
  const condition = await client.resolve({ reference: `${baseUrl}/${context.reasonReference[0].reference}` });
  same(condition.resourceType, 'Condition');
});

await checks.check('is told everything that is wrong with a transaction, and nothing of it is recorded', async () => {
  const body = journey();
  const place = (kind) => body.entry.findLastIndex((one) => one.resource.resourceType === kind);
  const [score, drug] = [place('Observation'), place('MedicationAdministration')];
  body.entry[score].resource.valueQuantity.value = 11;
  body.entry[drug].resource.note = [{ text: 'aside' }];
  const { status, outcome } = await refused(client.transaction({ body }));
  same(status, 422);
  same(places(outcome), [`Bundle.entry[${drug}].resource.note`, `Bundle.entry[${score}].resource.valueQuantity.value`].sort());
  const { value } = body.entry[place('Patient')].resource.identifier[0];
  const free = await client.create({ resourceType: 'Patient', body: patient(value) });
  same(free.meta.versionId, '1');
});

await checks.check('sends a batch, each request for itself', async () => {
  const entries = [
    { resource: patient(`${name}-6`), request: { method: 'POST', url: 'Patient' } },
    { resource: { ...patient(`${name}-7`), gender: 'f' }, request: { method: 'POST', url: 'Patient' } },
    { request: { method: 'GET', url: `Patient/${known.patient}` } },
    { resource: patient(name), request: { method: 'POST', url: 'Patient', ifNoneExist: `identifier=${identifiers}|${name}` } },
  ];
  const answer = await client.batch({ body: { resourceType: 'Bundle', type: 'batch', entry: entries } });
  same(answer.entry.map((one) => one.response.status.slice(0, 3)), ['201', '422', '200', '200']);
  same(answer.entry[2].resource.id, known.patient);
});

await checks.check('withdraws a score by deleting it', async () => {
  const [id] = known.scores.filter((one) => !one.includes('.'));
  await client.delete({ resourceType: 'Observation', id });
  same((await client.read({ resourceType: 'Observation', id })).status, 'entered-in-error');
});

await checks.check('is refused what it may not have, and what is not there', async () => {
  const cases = [
    [() => new Client({ baseUrl }).read({ resourceType: 'Patient', id: known.patient }), 401],
    [() => client.read({ resourceType: 'Patient', id: nobody }), 404],
    [() => client.read({ resourceType: 'Encounter', id: nobody }), 404],
    [() => client.delete({ resourceType: 'Patient', id: known.patient }), 405],
    [() => client.create({ resourceType: 'Patient', body: '<Patient xmlns="http://hl7.org/fhir"/>', options: { headers: { 'content-type': 'application/fhir+xml' } } }), 415],
    [() => client.read({ resourceType: 'Patient', id: known.patient, options: { headers: { accept: 'application/fhir+xml' } } }), 406],
  ];
  for (const [asked, wanted] of cases) {
    const { status, outcome } = await refused(asked());
    same([status, outcome.resourceType], [wanted, 'OperationOutcome']);
  }
});

const ids = (bundle) => (bundle.entry ?? []).map((one) => one.resource.id);

await checks.check('searches with GET and with POST, and finds the same', async () => {
  const searchParams = { identifier: `${identifiers}|${name}` };
  for (const postSearch of [false, true]) {
    same(ids(await client.resourceSearch({ resourceType: 'Patient', searchParams, options: { postSearch } })), [known.patient]);
  }
});

await checks.check('walks the pages of a search', async () => {
  const searchParams = { patient: known.person, category: 'survey', _count: 4, _sort: '-date' };
  let bundle = await client.search({ resourceType: 'Observation', searchParams });
  const found = [];
  for (let page = 0; bundle && page < 20; page += 1) {
    found.push(...ids(bundle));
    bundle = await client.nextPage({ bundle });
  }
  same(found.length, new Set(found).size, 'resources without doubles');
  const whole = await client.search({ resourceType: 'Observation', searchParams: { ...searchParams, _count: 100 } });
  same(found, ids(whole));
});

await checks.check('includes what is referred to', async () => {
  const searchParams = { patient: known.person, _include: ['Procedure:patient'], _revinclude: ['MedicationAdministration:part-of'] };
  const found = await client.search({ resourceType: 'Procedure', searchParams });
  const kinds = [...new Set(found.entry.map((one) => `${one.resource.resourceType} ${one.search.mode}`))];
  holds(kinds.includes('Procedure match') && kinds.includes('Patient include'), kinds.join(', '));
});

await checks.check('is told of a parameter that is unknown', async () => {
  const searchParams = { identifier: `${identifiers}|${name}`, nonsense: '1' };
  const found = await client.search({ resourceType: 'Patient', searchParams });
  const outcome = found.entry.find((one) => one.search.mode === 'outcome');
  holds(JSON.stringify(outcome?.resource ?? '').includes('nonsense'), 'the parameter is not named');
  const { status } = await refused(client.search({ resourceType: 'Patient', searchParams, options: { headers: { prefer: 'handling=strict' } } }));
  same(status, 400);
});

await checks.check('asks for everything about a patient', async () => {
  const found = await client.operation({ name: 'everything', resourceType: 'Patient', id: known.person, method: 'GET' });
  const kinds = new Set(found.entry.map((one) => one.resource.resourceType));
  holds(['Patient', 'Condition', 'Procedure', 'Observation'].every((kind) => kinds.has(kind)), [...kinds].join(', '));
});
checks.end();
