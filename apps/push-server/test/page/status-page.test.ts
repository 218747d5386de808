/// <reference lib="dom" />
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type EmbeddedRegistry,
  findTool,
  randomImage,
  requireTool,
  startRegistry,
  writeDockerArchive,
} from '@slipway/testkit';
import axe from 'axe-core';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { startTestDaemon, type TestDaemon } from '../daemon-fixture.ts';

// A browser on a busy machine takes its time.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

/** Where to keep screenshots for people to look at; none are kept without it. */
const screenshots = process.env['SLIPWAY_SCREENSHOTS'];

describe.skipIf(requireTool('chromium'))('the status page in Chromium', () => {
  let browser: Browser;
  let registry: EmbeddedRegistry;
  let server: TestDaemon;

  beforeAll(async () => {
    const executablePath = findTool('chromium') ?? '';
    browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });
    registry = await startRegistry();
    server = await startTestDaemon({ concurrency: 2, jobConcurrency: 1 });
    const archive = join(server.folder.path, 'app.tar');
    const layers = Array.from({ length: 5 }, (_, at) => ({ size: 1_300_000 + at * 400_000, kind: 'random' }) as const);
    await writeDockerArchive(archive, [
      {
        image: await randomImage({ seed: 'page', layers }),
        references: ['demo/app:v1', `${registry.host}/demo/app:v1`],
      },
    ]);
    await server.request('POST', '/images/load', { body: await readFile(archive) });
  });
  afterAll(async () => {
    await browser?.close();
    await server?.[Symbol.asyncDispose]();
    await registry?.[Symbol.asyncDispose]();
  });

  async function open(options: Parameters<Browser['newPage']>[0] = {}): Promise<{ page: Page; faults: string[] }> {
    const page = await browser.newPage({ viewport: { width: 1100, height: 800 }, ...options });
    page.setDefaultTimeout(100_000);
    const faults: string[] = [];
    page.on('console', (message) => {
      if (message.type() === 'error') faults.push(message.text());
    });
    page.on('pageerror', (error) => faults.push(error.message));
    page.on('request', (request) => {
      if (!request.url().startsWith(`http://127.0.0.1:${server.port}/`) && !request.url().startsWith('data:'))
        faults.push(request.url());
    });
    await page.goto(`http://127.0.0.1:${server.port}/`);
    await page.waitForSelector('#connection[data-state="live"]');
    return { page, faults };
  }

  /** What axe finds wrong with a page, in a word each. */
  async function faultsOf(page: Page): Promise<readonly string[]> {
    // The page's policy lets no script in from outside: the browser itself is told.
    await page.evaluate(axe.source);
    return await page.evaluate(async () => {
      const { violations } = await (globalThis as unknown as { readonly axe: typeof axe }).axe.run();
      return violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html}`));
    });
  }

  async function isWide(page: Page): Promise<boolean> {
    return await page.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth);
  }

  async function look(page: Page, name: string): Promise<void> {
    if (screenshots !== undefined) await page.screenshot({ path: join(screenshots, `${name}.png`), fullPage: true });
  }

  async function submit(destinations: readonly string[], to: TestDaemon = server): Promise<string> {
    const answer = await to.request('POST', '/slipway/v1/jobs', {
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ image: 'demo/app:v1', destinations }),
    });
    expect(answer.status).toBe(201);
    return JSON.parse(answer.body).id;
  }

  test('a push is told as one: how far it is, its blobs folded; the next one waits; both end in the history', async () => {
    const { page, faults } = await open();
    // So slow that each state can be seen: all blobs are done at once, and then the manifest keeps the push going.
    const slow = registry.misbehave({
      match: { kind: ['upload-put', 'upload-patch', 'manifest-put'] },
      delayMs: 1_500,
    });
    await submit([`${registry.host}/one/app:1`, `${registry.host}/two/app:1`]);
    await submit([`${registry.host}/three/app:1`]);
    await page.waitForSelector('#running-list .push');
    await page.waitForFunction(() => /\d+ of 12 blobs/.test(document.querySelector('.so-far')?.textContent ?? ''));
    expect(await page.locator('#running-list .row').first().isVisible()).toBe(false);
    // The rows come as they happen, the jobs with the next look at all of them.
    await page.waitForFunction(() => document.querySelectorAll('#queue-list li').length === 1);
    await page.waitForFunction(() => /done/.test(document.querySelector('#running-list summary')?.textContent ?? ''));
    expect(await page.locator('#figure-running').textContent()).toBe('1');
    expect(await page.locator('#figure-disk').textContent()).toMatch(/ used.* free/);
    await look(page, 'running-light');
    await page.locator('#running-list summary').press('Enter');
    expect(await page.locator('#running-list .row').first().isVisible()).toBe(true);
    await page.emulateMedia({ colorScheme: 'dark' });
    await look(page, 'running-dark');
    expect(await faultsOf(page)).toEqual([]);
    slow.remove();

    await page.waitForFunction(() => document.querySelectorAll('#history-list li').length === 2);
    expect(await page.locator('#running-list').textContent()).toBe('');
    expect(await page.locator('#history-list .state').allTextContents()).toEqual(['pushed', 'pushed']);
    expect(faults).toEqual([]);
    await page.close();
  });

  test('a push has an address of its own, with its facts, destinations and timeline', async () => {
    const { page, faults } = await open();
    const slow = registry.misbehave({ match: { kind: ['upload-put', 'upload-patch'] }, delayMs: 300 });
    const id = await submit([`${registry.host}/detail/app:1`, `${registry.host}/detail/two:1`]);
    const link = page.locator(`#history-list [href="#/pushes/${id}"]`);
    await link.waitFor();
    slow.remove();
    // With the keyboard alone.
    await link.focus();
    await page.keyboard.press('Enter');
    await page.waitForSelector('#timeline-rows');
    expect(page.url()).toMatch(new RegExp(`#/pushes/${id}$`));
    await page.waitForFunction(() => document.activeElement?.id === 'detail-title');
    const facts = await page.locator('.facts').textContent();
    expect(facts).toMatch(/Image ID\s*sha256:[0-9a-f]{64}/);
    expect(facts).toMatch(/Attempts\s*1 attempt/);
    expect(await page.locator('#detail .list li .mono').allTextContents()).toHaveLength(2);
    expect(await page.locator('.axis span').count()).toBeGreaterThanOrEqual(2);
    const stories = await page.locator('#timeline-rows .story').allTextContents();
    expect(stories.some((story) => /waited .* until .* was done/.test(story))).toBe(true);
    await look(page, 'timeline-light');
    expect(await faultsOf(page)).toEqual([]);
    await page.emulateMedia({ colorScheme: 'dark' });
    await look(page, 'timeline-dark');
    expect(await faultsOf(page)).toEqual([]);
    await page.keyboard.press('Escape');
    await page.waitForFunction((href) => document.activeElement?.getAttribute('href') === href, `#/pushes/${id}`);
    // The address alone leads there.
    const other = await browser.newPage();
    await other.goto(`http://127.0.0.1:${server.port}/slipway/#/pushes/${id}`);
    await other.waitForSelector('#timeline-rows');
    expect(await other.title()).toBe('demo/app:v1, pushed – slipwayd');
    await other.close();
    expect(faults).toEqual([]);
    await page.close();
  });

  test('a failed job says why, and is tried again', async () => {
    const { page } = await open();
    const refuse = registry.misbehave({ match: { kind: 'manifest-put' }, status: 403 });
    const id = await submit([`${registry.host}/again/app:1`]);
    await page.locator(`#history-list [href="#/pushes/${id}"]`).click();
    await page.locator('.failure').waitFor();
    expect(await page.locator('.failure .mono').textContent()).toContain('ERR_');
    await look(page, 'failed-detail');
    refuse.remove();
    await page.getByRole('button', { name: 'Retry' }).click();
    await page.waitForFunction(() => document.querySelector('#detail .state')?.textContent === 'pushed');
    expect(await page.locator('#detail button').count()).toBe(0);

    await page.goto(`http://127.0.0.1:${server.port}/slipway/#/pushes/${'0'.repeat(24)}`);
    await page.waitForFunction(() => document.querySelector('#detail')?.textContent?.includes('no such push'));
    await page.close();
  });

  test('a job that waits is cancelled', async () => {
    // A registry and a daemon of their own: the job that takes the one place never ends.
    await using stalled = await startRegistry();
    await using own = await startTestDaemon({ concurrency: 2, jobConcurrency: 1 });
    await own.request('POST', '/images/load', { body: await readFile(join(server.folder.path, 'app.tar')) });
    const held = stalled.misbehave({ match: { kind: 'manifest-put' }, stall: true });
    await submit([`${stalled.host}/first/app:1`], own);
    await expect.poll(() => held.hits, { timeout: 60_000 }).toBeGreaterThan(0);
    const id = await submit([`${stalled.host}/second/app:1`], own);
    const page = await browser.newPage();
    await page.goto(`http://127.0.0.1:${own.port}/slipway/#/pushes/${id}`);
    await page.getByRole('button', { name: 'Cancel' }).click();
    await page.waitForFunction(() => document.querySelector('#detail .state')?.textContent === 'cancelled');
    expect(await page.locator('#detail button').count()).toBe(0);
    await page.close();
  });

  test('lists are searched, filtered by state, and go on with older jobs', async () => {
    const { page, faults } = await open();
    const id = await submit([`${registry.host}/searched/app:1`]);
    await page.locator(`#history-list [href="#/pushes/${id}"]`).waitFor();
    const shown = () => page.locator('#history-list li').count();
    const all = await shown();
    await page.locator('#search').fill('SEARCHED');
    expect(await shown()).toBe(1);
    await page.locator('#state').selectOption('failed');
    expect(await shown()).toBe(0);
    await page.locator('#search').fill('');
    await page.locator('#state').selectOption('');
    expect(await shown()).toBe(all);
    expect(faults).toEqual([]);
    await page.close();
  });

  test('a narrow screen shows all of it without scrolling sideways', async () => {
    const { page, faults } = await open({ viewport: { width: 400, height: 800 } });
    const slow = registry.misbehave({ match: { kind: 'manifest-put' }, delayMs: 1_500 });
    const id = await submit([`${registry.host}/narrow/app:1`]);
    await page.waitForSelector('#running-list .push');
    await page.locator('#running-list summary').click();
    await look(page, 'narrow-running');
    expect(await isWide(page)).toBe(false);
    expect(await faultsOf(page)).toEqual([]);
    slow.remove();
    // As if it had taken a hundred seconds: the last mark of the axis lies at its right end.
    await page.route(`**/slipway/v1/pushes/${id}`, async (route) => {
      const response = await route.fetch();
      const push: { startedAt: number; rows: { spans: { from: number; to: number }[] }[] } = await response.json();
      push.startedAt = Math.min(push.startedAt, ...push.rows.flatMap(({ spans }) => spans.map(({ from }) => from)));
      push.rows[0]!.spans.at(-1)!.to = push.startedAt + 100_000;
      await route.fulfill({ response, json: push });
    });
    await page.locator(`#history-list [href="#/pushes/${id}"]`).click();
    await page.waitForSelector('#timeline-rows');
    expect(await page.locator('.axis span').last().textContent()).toBe('1 min 40 s');
    await look(page, 'narrow-timeline');
    expect(await isWide(page)).toBe(false);
    await page.setViewportSize({ width: 340, height: 700 });
    expect(await isWide(page)).toBe(false);
    expect(await faultsOf(page)).toEqual([]);
    expect(faults).toEqual([]);
    await page.close();
  });

  test('a push of docker is shown too, and why it failed', async () => {
    const { page, faults } = await open();
    const refuse = registry.misbehave({ match: { kind: 'manifest-put' }, status: 403 });
    await server.request('POST', `/images/${registry.host}/demo/app/push?tag=v1`);
    refuse.remove();
    const line = page.locator('#history-list li').filter({ hasText: `${registry.host}/demo/app:v1` });
    await line.waitFor();
    expect(await line.locator('.state').textContent()).toBe('failed');
    expect(await line.locator('.errors').count()).toBe(1);
    await look(page, 'failed');
    await line.locator('a').click();
    await page.waitForSelector('#timeline-rows');
    expect(await page.locator('.facts').textContent()).toContain('pushed by docker');
    expect(faults).toEqual([]);
    await page.close();
  });

  test('names of images are text, whatever they say', async () => {
    const { page, faults } = await open();
    await page.evaluate(() => document.title);
    const query = new URLSearchParams({
      destination: `${registry.host}/x/app:1`,
      image: '<img src=x onerror=alert(1)>',
    });
    const answer = await server.request('POST', `/slipway/v1/jobs/archive?${query}`, {
      body: await readFile(join(server.folder.path, 'app.tar')),
    });
    expect(answer.status).toBe(400);
    expect(await page.locator('img').count()).toBe(0);
    expect(faults).toEqual([]);
    await page.close();
  });

  test('signing in says when a token is wrong, and signing out forgets it', async () => {
    const { text: token } = await server.daemon.context.tokens.create({
      name: 'page',
      scopes: [{ kind: 'admin' }],
      expiresInMs: undefined,
    });
    const page = await browser.newPage({ viewport: { width: 400, height: 700 } });
    await page.goto(`http://127.0.0.1:${server.port}/`);
    await page.waitForSelector('#sign-in:not([hidden])');
    expect(await page.locator('#sign-in-error').textContent()).toBe('');
    await page.locator('#token').fill('slipway_wrong');
    await page.keyboard.press('Enter');
    await page.waitForFunction(() => document.querySelector('#sign-in-error')?.textContent !== '');
    expect(await page.locator('#sign-in-error').textContent()).toBe('This token is unknown, revoked or expired.');
    expect(await page.evaluate(() => document.activeElement?.id)).toBe('token');
    await look(page, 'sign-in');
    expect(await faultsOf(page)).toEqual([]);
    await page.locator('#token').fill(token);
    await page.keyboard.press('Enter');
    await page.waitForSelector('#connection[data-state="live"]');
    expect(await page.locator('#sign-in').isHidden()).toBe(true);
    await page.locator('#sign-out').click();
    await page.waitForSelector('#sign-in:not([hidden])');
    await page.close();
  });
});
