/** Nothing is missed, on the real kernel: collectors that are away, slow or flooded. */
import test from 'ava';
import { CASES_OF } from '../../proof/cases/index.js';
import { prove } from './prove.js';

prove(test, CASES_OF.collectors);
