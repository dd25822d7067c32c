// SPDX-License-Identifier: Apache-2.0
// The state after any step of a story, made of its start and what each step changes.

/** Return the machine after `number` steps: values, the old values of what the last step changed, who stands where. */
export function stateAfter(story, number) {
  const values = { ...story.values };
  const places = new Map(story.standing.map((each) => [each.actor, each]));
  const broken = new Set(story.broken);
  let before = {};
  for (const step of story.steps.slice(0, number)) {
    before = {};
    for (const [name, [was, is]] of Object.entries(step.changes)) {
      values[name] = is;
      before[name] = was;
    }
    for (const each of step.standing) {
      places.set(each.actor, each);
      // Where an actor stands is a field, too, which the changes of a step leave out.
      values[`${each.actor}_at`] = each.at;
    }
    step.breaks.forEach((name) => broken.add(name));
    step.mends.forEach((name) => broken.delete(name));
  }
  const atRisk = number ? story.steps[number - 1].risk : story.riskAtStart;
  return { values, before, standing: [...places.values()], broken: [...broken], atRisk };
}

/** Return the names of the fields that some step changes, the most often changed first, with how often. */
export function changedFields(stories) {
  const counts = new Map();
  for (const step of stories.flatMap((story) => story.steps)) {
    for (const name of Object.keys(step.changes)) counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return [...counts].sort(([a, m], [b, n]) => n - m || a.localeCompare(b));
}
