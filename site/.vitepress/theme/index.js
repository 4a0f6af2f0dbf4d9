import DefaultTheme from 'vitepress/theme-without-fonts';
// oxlint-disable-next-line import/no-unassigned-import
import './wide-tables.css';

export default DefaultTheme;
