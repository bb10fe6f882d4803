// A scripted participant: goes through the study's page as a person would, and is right in each arm with a known
// probability. What is right is read from the key.
import assert from "node:assert/strict";

// The same numbers for the same seed.
export function randomOf(seed) {
    let state = seed >>> 0;
    return () => {
        state = state + 0x6d2b79f5 >>> 0;
        let t = Math.imul(state ^ state >>> 15, state | 1);
        t ^= t + Math.imul(t ^ t >>> 7, t | 61);
        return ((t ^ t >>> 14) >>> 0) / 2 ** 32;
    };
}

export function truths(key) {
    return new Map(key.sets.flatMap(set => set.pairs).map(pair => [pair.pair, pair.same]));
}

// Through all parts, answering by keys and by clicks in turn; `onPair(page, arm)` is called at the first pair of an
// arm.
export async function takePart(page, key, accuracy, random, { onExamples = () => {}, onPair = () => {} } = {}) {
    const truth = truths(key), count = key.sets[0].pairs.length;
    const begin = page.getByRole("button", { name: "Begin" });
    assert.ok(await begin.isDisabled());
    await page.getByRole("checkbox").check();
    await begin.click();
    for (let part = 0; part < key.arms.length; part++) {
        await page.getByRole("heading", { name: `Part ${part + 1} of ${key.arms.length}` }).waitFor();
        assert.equal(await page.locator(".examples > li").count(), key.sets[0].examples.length);
        await onExamples(page, part);
        await page.getByRole("button", { name: "Start with the pairs" }).click();
        for (let k = 0; k < count; k++) {
            await page.getByText(`Pair ${k + 1} of ${count}`).waitFor();
            const yes = page.getByRole("button", { name: "Yes" });
            await page.waitForFunction(() => [...document.querySelectorAll(".answers button")].every(b => !b.disabled));
            const sources = await page.locator(".pair img").evaluateAll(list => list.map(i => i.getAttribute("src")));
            const [, pair] = sources[0].match(/tiles\/([0-9a-f]{16})-a\.jpg$/);
            const arm = sources.length > 2 ? sources[1].match(/-(\w+)-a\.jpg$/)[1] : "none";
            if (k === 0) await onPair(page, arm);
            const right = random() < (accuracy[arm] ?? 1), same = truth.get(pair) === right;
            if (k % 2) await page.keyboard.press(same ? "y" : "n");
            else await (same ? yes : page.getByRole("button", { name: "No" })).click();
        }
    }
    await page.getByRole("heading", { name: "Thank you!" }).waitFor();
}
