/** As much of zeromq.js as the plain peers use. */
interface Socket extends AsyncIterable<Buffer[]> {
  readonly lastEndpoint: string | null;
  bind(endpoint: string): Promise<void>;
  connect(endpoint: string): void;
  send(message: readonly (Buffer | string)[]): Promise<void>;
}
type Options = Readonly<Record<string, string | number | boolean | Buffer>>;
export declare const Router: new (options?: Options) => Socket;
export declare const Dealer: new (options?: Options) => Socket;
export declare function curveKeyPair(): { publicKey: string; secretKey: string };
