import { describe, expect, it } from 'vitest';
import { interpolate, referencesIn } from '../../../src/index.ts';

const values = new Map([
  ['port.zmq', '7140'],
  ['node.name', 'pc2'],
]);
const lookup = (name: string) => values.get(name);

describe('interpolate', () => {
  it('replaces known names, keeps unknown ones and lists them', () => {
    expect(interpolate('${node.name}:${port.zmq} ${node.var.x}', lookup)).toEqual({
      text: 'pc2:7140 ${node.var.x}',
      unknown: ['node.var.x'],
    });
  });

  it('reads $$ as a dollar, so that a shell variable can be meant', () => {
    expect(interpolate('echo $${HOME} $HOME', lookup)).toEqual({
      text: 'echo ${HOME} $HOME',
      unknown: [],
    });
    expect(referencesIn('$${HOME} ${port.zmq}')).toEqual(['port.zmq']);
  });
});
