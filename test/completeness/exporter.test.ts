/** Nothing is missed, on the real kernel: undisturbed, and where the exporter is held up, ended and begun again. */
import test from 'ava';
import { CASES_OF } from '../../proof/cases/index.js';
import { prove } from './prove.js';

prove(test, CASES_OF.exporter);
