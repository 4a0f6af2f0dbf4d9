export declare function nativeFile(): string;
