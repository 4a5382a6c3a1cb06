/** As much of zeromq.js as the plain echo uses. */
interface Socket extends AsyncIterable<Buffer[]> {
  readonly lastEndpoint: string | null;
  bind(endpoint: string): Promise<void>;
  connect(endpoint: string): void;
  send(message: readonly (Buffer | string)[]): Promise<void>;
}
export declare const Router: new () => Socket;
export declare const Dealer: new () => Socket;
