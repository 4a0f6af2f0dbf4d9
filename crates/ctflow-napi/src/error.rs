//! Errors of ctflow-core on their way to JavaScript: `code` is theirs, `message` their text.

use ctflow_core::error::{Code, Error};
use napi::bindgen_prelude::{AsyncTask, ToNapiValue, TypeName};
use napi::{Env, JsError, Task};

pub type Result<T> = std::result::Result<T, napi::Error<Code>>;

pub fn crossing(error: Error) -> napi::Error<Code> {
    thrown(error.code, error.text)
}

pub fn thrown(code: Code, text: impl Into<String>) -> napi::Error<Code> {
    napi::Error::new(code, text.into())
}

/// Work on one of libuv's threads. What it holds is dropped on the thread of JavaScript.
pub struct Background<T>(Box<dyn FnMut() -> std::result::Result<T, Error> + Send>);

/// Calls `work` once.
pub fn background<T>(work: impl FnMut() -> std::result::Result<T, Error> + Send + 'static) -> AsyncTask<Background<T>>
where
    T: ToNapiValue + TypeName + Send + 'static,
{
    AsyncTask::new(Background(Box::new(work)))
}

impl<T: ToNapiValue + TypeName + Send + 'static> Task for Background<T> {
    type Output = std::result::Result<T, Error>;
    type JsValue = T;

    fn compute(&mut self) -> napi::Result<Self::Output> {
        Ok((self.0)())
    }

    fn resolve(&mut self, env: Env, output: Self::Output) -> napi::Result<T> {
        output.map_err(|error| JsError::from(crossing(error)).into_unknown(env).into())
    }
}
