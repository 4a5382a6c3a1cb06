import { expect, test } from 'vitest';
import { createRememberedAnswers } from '../../../src/wire/remembered-answers.ts';

const limits = { maxAnswers: 100, maxBytes: 1_000, keepMs: 60_000 };
const answer = { kind: 'agent.call.answer', bodyJson: '{"result":1}' };
const later = { kind: 'agent.call.answer', bodyJson: '{"result":2}' };

test('an id is new once and running until it is answered', () => {
  const answers = createRememberedAnswers(limits);

  expect(answers.begin('a', 0, 5_000)).toEqual({ status: 'new' });
  expect(answers.begin('a', 1, 5_000)).toEqual({ status: 'running' });
});

test('a repeat gets the first answer until the timeout plus 60 s', () => {
  const answers = createRememberedAnswers(limits);
  answers.begin('a', 0, 5_000);
  answers.settle('a', answer);

  expect(answers.begin('a', 64_999, 70_000)).toEqual({ status: 'answered', answer });
  expect(answers.begin('a', 65_000, 70_000)).toEqual({ status: 'new' });
});

test('the first answer stays, whatever a later one says', () => {
  const answers = createRememberedAnswers(limits);
  answers.begin('a', 0, 5_000);
  answers.settle('a', answer);
  answers.settle('a', later);

  expect(answers.begin('a', 10, 5_000)).toEqual({ status: 'answered', answer });
});

test('a request that runs longer than its timeout is never run a second time', () => {
  const answers = createRememberedAnswers(limits);
  answers.begin('a', 0, 5_000);

  expect(answers.begin('a', 3_600_000, 3_605_000)).toEqual({ status: 'running' });
});

test('a request that did not run after all is new again', () => {
  const answers = createRememberedAnswers(limits);
  answers.begin('a', 0, 5_000);
  answers.forget('a');

  expect(answers.begin('a', 1, 5_000)).toEqual({ status: 'new' });
});

test('an answer to an id that nobody asked for is not kept', () => {
  const answers = createRememberedAnswers(limits);
  answers.settle('a', answer);

  expect(answers.size).toBe(0);
  expect(answers.begin('a', 0, 5_000)).toEqual({ status: 'new' });
});

test('at the bound of answers new ids are refused and known ones still answered', () => {
  const answers = createRememberedAnswers({ ...limits, maxAnswers: 2 });
  answers.begin('a', 0, 5_000);
  answers.settle('a', answer);
  answers.begin('b', 0, 5_000);

  expect(answers.begin('c', 1, 5_000)).toEqual({ status: 'full' });
  expect(answers.begin('a', 1, 5_000)).toEqual({ status: 'answered', answer });
  expect(answers.begin('b', 1, 5_000)).toEqual({ status: 'running' });
});

test('at the bound of bytes new ids are refused', () => {
  const answers = createRememberedAnswers({ ...limits, maxBytes: 10 });
  answers.begin('a', 0, 5_000);
  answers.settle('a', answer);

  expect(answers.begin('b', 1, 5_000)).toEqual({ status: 'full' });
});

test('forgets what need not be kept any longer, and then takes new ids again', () => {
  const answers = createRememberedAnswers({ ...limits, maxAnswers: 2, maxBytes: 24 });
  for (const id of ['a', 'b']) {
    answers.begin(id, 0, 5_000);
    answers.settle(id, answer);
  }

  expect(answers.begin('c', 66_000, 70_000)).toEqual({ status: 'new' });
  expect(answers.size).toBe(1);
});
