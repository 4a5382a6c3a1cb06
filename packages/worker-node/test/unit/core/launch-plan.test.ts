import { AgentSpec, type AssignedInstance } from '@meshwork/shared';
import { describe, expect, it } from 'vitest';
import { parseEnvFile } from '../../../src/core/env-file.ts';
import { planLaunch, type LaunchContext } from '../../../src/core/launch-plan.ts';

function assigned(spec: object): AssignedInstance {
  return {
    instance: 'vision-pipeline.0',
    agent: 'vision-pipeline',
    fleet: 'home',
    epoch: '3.4',
    nonce: 0,
    desired: 'run',
    spec: AgentSpec.parse({ command: ['python3', 'vision.py'], ...spec }),
  } as AssignedInstance;
}

const context: LaunchContext = {
  node: 'pc2' as LaunchContext['node'],
  vars: { models: '/data/models' },
  ports: { zmq: 7140, 'health-check': 8140 },
  link: { endpoint: 'ipc:///run/x/link', token: 'secret' },
  base: { PATH: '/usr/bin', HOME: '/home/me', USER: 'me' },
  secrets: { API_KEY: 'k' },
  addresses: new Map([['memory-orchestrator', { zmq: '10.0.0.7:7000' }]]),
};

describe('the environment of an agent', () => {
  it('holds what it is, where it is, its ports and those of what it depends on', () => {
    const { env } = planLaunch(assigned({}), context);

    expect(env).toEqual({
      PATH: '/usr/bin',
      HOME: '/home/me',
      USER: 'me',
      PYTHONUNBUFFERED: '1',
      API_KEY: 'k',
      MESH_AGENT: 'vision-pipeline',
      MESH_INSTANCE: 'vision-pipeline.0',
      MESH_NODE: 'pc2',
      MESH_EPOCH: '3.4',
      MESH_LINK: 'ipc:///run/x/link',
      MESH_TOKEN: 'secret',
      MESH_PORT_ZMQ: '7140',
      MESH_PORT_HEALTH_CHECK: '8140',
      MESH_ADDR_MEMORY_ORCHESTRATOR_ZMQ: '10.0.0.7:7000',
    });
  });

  it('prefers the spec over the envFile, and both over what the node gives', () => {
    const spec = { env: { API_KEY: 'mine', PATH: '/opt', PYTHONUNBUFFERED: '' } };

    const { env } = planLaunch(assigned(spec), context);

    expect(env).toMatchObject({ API_KEY: 'mine', PATH: '/opt', PYTHONUNBUFFERED: '' });
  });
});

describe('variables', () => {
  it('are filled into command, working directory and environment', () => {
    const plan = planLaunch(
      assigned({
        command: ['${node.var.models}/run', '--port=${port.zmq}', '--on=${node.name}', '$$x'],
        cwd: '${node.var.models}',
        env: { AGENT_PORT: '${port.zmq}' },
        ports: { zmq: 7140 },
      }),
      context,
    );

    expect(plan.argv).toEqual(['/data/models/run', '--port=7140', '--on=pc2', '$x']);
    expect(plan.cwd).toBe('/data/models');
    expect(plan.env['AGENT_PORT']).toBe('7140');
  });

  it('that the node does not know are named, each once', () => {
    const plan = planLaunch(
      assigned({ command: ['${node.var.gpu}', '${node.var.gpu}'], cwd: '${node.var.home}' }),
      context,
    );

    expect(plan.unknown).toEqual(['node.var.gpu', 'node.var.home']);
  });

  it('leave the home of the user as working directory where none is said', () => {
    expect(planLaunch(assigned({}), context).cwd).toBe('/home/me');
  });
});

describe('an envFile', () => {
  it('is read as shells and docker compose write it', () => {
    const text = [
      '# comment',
      '',
      'A=1',
      'export B = two words # why',
      'C=\'single $HOME "quoted"\'',
      'D="line\\nnext \\"q\\" \\$x"',
      'E=',
      'F=a#b',
      'G="x" # why',
    ].join('\r\n');

    expect(parseEnvFile(text)).toEqual({
      env: {
        A: '1',
        B: 'two words',
        C: 'single $HOME "quoted"',
        D: 'line\nnext "q" $x',
        E: '',
        F: 'a#b',
        G: 'x',
      },
      problems: [],
    });
  });

  it('is refused by line, without telling what stands there', () => {
    const parsed = parseEnvFile('A=1\nsecret words\nB="open\nMESH_TOKEN=x\n');

    expect(parsed.problems).toEqual([
      'line 2 is not NAME=VALUE',
      'line 3 is not NAME=VALUE',
      'line 4 sets MESH_TOKEN: names that begin with MESH_ are set by the mesh',
    ]);
  });
});
