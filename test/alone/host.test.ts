/** Nothing else may run meanwhile: what is disturbed is the same for all network namespaces of the host. */
import test from 'ava';
import { CASES_OF } from '../../proof/cases/index.js';
import { prove } from '../completeness/prove.js';

prove(test, CASES_OF.host);
