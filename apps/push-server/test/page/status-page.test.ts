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
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestDaemon, type TestDaemon } from '../daemon-fixture.ts';

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

  async function look(page: Page, name: string): Promise<void> {
    if (screenshots !== undefined) await page.screenshot({ path: join(screenshots, `${name}.png`), fullPage: true });
  }

  async function submit(destinations: readonly string[]): Promise<string> {
    const answer = await server.request('POST', '/slipway/v1/jobs', {
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ image: 'demo/app:v1', destinations }),
    });
    expect(answer.status).toBe(201);
    return JSON.parse(answer.body).id;
  }

  test('a push is shown while it runs, with a bar a layer; the next one waits; both end in the history with a timeline', async () => {
    const { page, faults } = await open();
    // So slow that each state can be seen: all blobs are done at once, and then the manifest keeps the push going.
    const slow = registry.misbehave({
      match: { kind: ['upload-put', 'upload-patch', 'manifest-put'] },
      delayMs: 1_500,
    });
    await submit([`${registry.host}/one/app:1`, `${registry.host}/two/app:1`]);
    await submit([`${registry.host}/three/app:1`]);
    await page.waitForSelector('#running-list .row progress');
    expect(await page.locator('#running-list .row[data-key*="sha256"]').count()).toBeGreaterThanOrEqual(12);
    // The rows come as they happen, the jobs with the next look at all of them.
    await page.waitForFunction(() => document.querySelectorAll('#queue-list li').length === 1);
    await page.waitForSelector('#running-list .row[data-phase="done"]');
    expect(await page.locator('#figure-running').textContent()).toBe('1');
    await look(page, 'running-light');
    await page.emulateMedia({ colorScheme: 'dark' });
    await look(page, 'running-dark');
    slow.remove();

    await page.waitForFunction(() => document.querySelectorAll('#history-list li').length === 2);
    expect(await page.locator('#running-list').textContent()).toBe('');
    expect(await page.locator('#history-list .state').allTextContents()).toEqual(['pushed', 'pushed']);

    // With the keyboard alone.
    await page.locator('#history-list button').last().focus();
    await page.keyboard.press('Enter');
    await page.waitForSelector('#timeline:not([hidden])');
    expect(await page.evaluate(() => document.activeElement?.id)).toBe('timeline');
    const stories = await page.locator('#timeline-rows .story').allTextContents();
    expect(stories.some((story) => /waited .* until .* was done/.test(story))).toBe(true);
    expect(stories.filter((story) => /sent in/.test(story)).length).toBeGreaterThanOrEqual(6);
    await look(page, 'timeline-dark');
    await page.emulateMedia({ colorScheme: 'light' });
    await look(page, 'timeline-light');
    await page.keyboard.press('Escape');
    expect(await page.locator('#timeline').isHidden()).toBe(true);
    expect(await page.evaluate(() => document.activeElement?.getAttribute('data-open'))).toMatch(/^[0-9a-f]{24}$/);
    expect(faults).toEqual([]);
    await page.close();
  });

  test('a narrow screen shows all of it without scrolling sideways', async () => {
    const { page, faults } = await open({ viewport: { width: 340, height: 700 } });
    const slow = registry.misbehave({ match: { kind: 'manifest-put' }, delayMs: 1_500 });
    await submit([`${registry.host}/narrow/app:1`]);
    await page.waitForSelector('#running-list .row progress');
    await look(page, 'narrow-running');
    slow.remove();
    await page.waitForFunction(() => document.querySelector('#running-list')?.childElementCount === 0);
    await page.locator('#history-list button').first().click();
    await page.waitForSelector('#timeline:not([hidden])');
    await look(page, 'narrow-timeline');
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(340);
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
});
